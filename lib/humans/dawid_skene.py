"""Classes of images, and how judges err, from their answers alone.

Each judge j has a confusion matrix pi_j, the chance to answer l where the class is k, and each
class a share p_k; the classes of images are hidden.  Expectation maximisation from the majority's
answers:

    T_ik  ~  p_k  prod_j pi_j[k, l_ij]            over the judges j who answered image i with l_ij
    p_k   =  mean_i T_ik
    pi_j[k, l]  =  sum_i T_ik [l_ij = l] / sum_i T_ik [j answered i]

Source: Dawid and Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM
Algorithm", Eqs. 2.3 to 2.5.
"""

from dataclasses import dataclass

import numpy as np

ROUNDS = 500  # of the iteration, at most
TOLERANCE = 1e-6  # of the mean log likelihood of an image, below which a round changes nothing
TINY = 1e-300  # in place of a chance of 0, whose logarithm would be no number


@dataclass(frozen=True)
class Estimate:
    """posterior: (n, classes), the chance of each class; rows sum to 1.  share: (classes,).
    confusion: (judges, classes, classes), rows sum to 1 where the judge saw the class.
    likelihood: log likelihood of all answers, nats.  rounds: how many the iteration took.
    """

    posterior: np.ndarray
    share: np.ndarray
    confusion: np.ndarray
    likelihood: float
    rounds: int


def dawid_skene(guess: np.ndarray, classes: int, times: np.ndarray | None = None) -> Estimate:
    """Fit the model to answers (n, judges) of ints below `classes`, -1 where there is none.

    times: (n,), how many images with these answers there are, above 0; 1 for None.
    Raises ValueError where no judge answered an image.
    """
    times = np.ones(len(guess)) if times is None else times.astype(float)
    image, judge = np.nonzero(guess >= 0)
    said = guess[image, judge]
    cell = judge * classes + said  # of a judge's answers of one class
    cells = guess.shape[1] * classes
    answers = np.bincount(image * classes + said, minlength=len(guess) * classes)
    answers = answers.reshape(len(guess), classes).astype(float)
    if not answers.any(1).all():
        raise ValueError("an image without any answer")
    posterior = answers / answers.sum(1, keepdims=True)
    before, rounds = -np.inf, 0
    while rounds < ROUNDS:
        rounds += 1
        weighed = posterior * times[:, None]
        share = weighed.sum(0) / times.sum()
        count = np.stack([np.bincount(cell, row[image], cells) for row in weighed.T])
        count = count.reshape(classes, guess.shape[1], classes).transpose(1, 0, 2)
        total = count.sum(2, keepdims=True)
        confusion = np.divide(count, total, out=np.zeros_like(count), where=total > 0)
        chance = np.log(np.maximum(confusion, TINY))
        joint = np.log(np.maximum(share, TINY)) + np.stack(
            [np.bincount(image, chance[judge, k, said], len(guess)) for k in range(classes)], 1
        )
        highest = joint.max(1, keepdims=True)
        posterior = np.exp(joint - highest)
        norm = posterior.sum(1, keepdims=True)
        posterior /= norm
        likelihood = float(times @ (highest + np.log(norm))[:, 0])
        if likelihood - before < TOLERANCE * times.sum():
            break
        before = likelihood
    return Estimate(posterior, share, confusion, likelihood, rounds)
