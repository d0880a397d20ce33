"""Splits: a part of a data set as published, or some of its images; loads no NumPy."""

VALIDATION = 1024  # training images that the study keeps for choosing checkpoints: the first

SPLITS = ("train", "test", "validation", "train-rest")  # of every data set that has any
EXTRA = "extra"  # the second, easier training part of SVHN


def published_part(split: str) -> tuple[str, slice]:
    """The published part (`train`, `test`, `extra`) to which a split belongs, and its rows there.

    Source of the validation split: the official code of Bartoldson et al. 2024, after Gowal et al.
    """
    match split:
        case "validation":
            return "train", slice(0, VALIDATION)
        case "train-rest":
            return "train", slice(VALIDATION, None)
    return split, slice(None)
