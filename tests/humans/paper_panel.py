"""A table of judgements with the margins of the paper's study; who says what is made up.

2629 images that fool the best network, of 10,000; three people and GPT-4V, who sees no clean ones.
727 images are invalid, 284 (39 %) of those deceptive; people give 1675 of the labels on average,
GPT-4V 1160.  Source: Bartoldson et al. 2024, App. G, Table 4.
"""

import csv
import io

from advlib.humans.judgements import COLUMNS, Answer

IMAGES, INVALID, DECEPTIVE = 2629, 727, 284
ALONE = 90  # invalid images whose label one person gives, with low confidence
MODEL_ALONE = 100  # invalid images whose label GPT-4V alone gives
RIGHT = {"ann": 1700, "ben": 1675, "cat": 1650}  # labels that people give to attacked images
CLEAN_WRONG = {"ann": 300, "ben": 280, "cat": 310}
MODEL, MODEL_RIGHT = "gpt-4v", 1160
TEST_SET, ROBUST = 10_000, 7371
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def answers() -> list[Answer]:
    """The table, image by image, attacked ones first."""
    found = []
    people = list(RIGHT)
    # people miss a third of their 90 lonely labels each; what they miss of valid ones is disjoint
    missed = {}
    begin = INVALID
    for name in people:
        count = (IMAGES - INVALID) - (RIGHT[name] - ALONE // 3)
        missed[name] = range(begin, begin + count)
        begin += count
    valid_by_model = range(INVALID, INVALID + MODEL_RIGHT - MODEL_ALONE)
    for i in range(IMAGES):
        label, network, third, fourth = (CLASSES[(i + step) % 10] for step in (0, 3, 5, 7))
        for place, name in enumerate(people):
            alone = DECEPTIVE <= i < DECEPTIVE + ALONE and i % 3 == place
            right = alone or (i >= INVALID and i not in missed[name])
            wrong = network if i < DECEPTIVE else (third, fourth, third)[place]
            sure = "higher" if right and not alone and i % 2 else "low"
            found.append(_answer(i, name, label, network, label if right else wrong, sure))
        alone = DECEPTIVE + ALONE <= i < DECEPTIVE + ALONE + MODEL_ALONE
        guess = label if alone or i in valid_by_model else fourth
        found.append(_answer(i, MODEL, label, network, guess, "higher", kind="model"))
    for i in range(IMAGES):
        label, other = CLASSES[i % 10], CLASSES[(i + 1) % 10]
        for name in people:
            guess = other if i < CLEAN_WRONG[name] else label
            found.append(_answer(i, name, label, label, guess, "higher", condition="clean"))
    return found


def _answer(i, judge, label, prediction, guess, confidence, **more) -> Answer:
    return Answer(
        f"{i:09d}", judge, label, guess, prediction=prediction, confidence=confidence, **more
    )


def table(rows: list[Answer]) -> str:
    """Answers as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for answer in rows:
        row = answer.row()
        writer.writerow(
            {
                k: "" if v is None else str(v).lower() if isinstance(v, bool) else v
                for k, v in row.items()
            }
        )
    return out.getvalue()
