"""What runs cost before they begin: FLOPs of training, evaluation and generation.

    training     forwards(recipe) x forward FLOPs x images seen            (App. B; 27 forwards)
    evaluation   (2 x 40 + 2) x forward FLOPs x test images x evaluations  (PGD-40: a forward and
                 the backward of each step, the clean logits, the verdict)
    generation   forward FLOPs of the generator x its evaluations an image x images, once for each
                 data set that a run trains on

Source: Bartoldson et al. 2024, App. B.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from advlib.attacks.settings import PGD
from advlib.errors import DataError
from advlib.models.flops import training_forwards
from advlib.models.zoo import parse
from advlib.studies.grid import DataSet, Grid, Run
from advlib.training.settings import Evaluation

EVALUATION_FORWARDS = 2 * PGD.steps + 2  # of PGD-40, in the evaluations of a run; Sec. 3.1
CIFAR_TEST = 10_000  # images of the paper's test set


@dataclass(frozen=True)
class ImageForm:
    """Of the images of a study: side in pixels, classes, and how many the test set has."""

    side: int = 32
    classes: int = 10
    test_images: int = CIFAR_TEST


@dataclass(frozen=True)
class Cost:
    """Of a run: images seen, whole epochs of whole batches; FLOPs of training and evaluations."""

    params: int
    images: int
    flops: float
    evaluation_flops: float


def cost_of(run: Run, form: ImageForm, evaluation: Evaluation) -> Cost:
    """What a run costs.  evaluation: when it is evaluated; on nothing where no test set is given.

    Raises DataError for a model that images of this form do not fit, and for an evaluation after
    the run's end.
    """
    recipe, model = run.settled(), parse(run.model)
    try:
        forward = model.forward_flops(form.side, form.classes)
    except DataError as err:
        raise DataError(f"run {run.name}: {err}") from None
    step = training_forwards(recipe.attack_steps, recipe.loss) * forward
    evaluations = 0
    if evaluation.test:
        try:
            evaluations = len(evaluation.epochs(recipe.epochs))
        except DataError as err:
            raise DataError(f"run {run.name}: {err}") from None
    tested = min(evaluation.evaluate_images or form.test_images, form.test_images)
    return Cost(
        params=model.parameters(form.classes),
        images=recipe.images,
        flops=float(step) * recipe.images,
        evaluation_flops=float(EVALUATION_FORWARDS) * forward * tested * evaluations,
    )


def within(grid: Grid, costs: Mapping[str, Cost], budget: float | None) -> tuple[Grid, list[Run]]:
    """The grid of the cheapest runs whose training costs at most `budget` FLOPs, and the others.

    Cheapest first, since many small runs say more of a law than one large (see advnext).
    Raises DataError where not even the cheapest fits.
    """
    if budget is None:
        return grid, []
    left, kept = budget, set()
    for run in sorted(grid.runs, key=lambda run: costs[run.name].flops):
        left -= costs[run.name].flops
        if left < 0:
            break
        kept.add(run.name)
    if not kept:
        least = min(cost.flops for cost in costs.values())
        raise DataError(f"budget: found {budget:g} FLOPs; the smallest run takes {least:.4g}")
    runs = tuple(run for run in grid.runs if run.name in kept)
    return Grid(runs, grid.datasets), [run for run in grid.runs if run.name not in kept]


def generation_flops(dataset: DataSet) -> float | None:
    """FLOPs of generating the images of a data set; None where it is not known how."""
    if dataset.generated is None:
        return None
    images, evaluations, flops = dataset.generated
    return images * evaluations * flops
