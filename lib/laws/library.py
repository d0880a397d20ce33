"""A fit as other programs read and ask it: part of the library that advlib(3) describes."""

import os
from collections.abc import Mapping

from advlib.errors import DataError
from advlib.laws import fit
from advlib.laws.document import checked_fit, parse_fits
from advlib.laws.limits import ceiling_rows
from advlib.laws.optimal import optimum_rows
from advlib.laws.predict import prediction_rows


class Fit(fit.Fit):
    """A scaling law that was fitted, and what to ask of it.

    Answers are dictionaries: each number `x` stands beside `x_low` and `x_high`, its 95 % interval
    over the bootstrap draws, None without draws.  `document` is the fit as JSON, advfit(5);
    `parameters` are those of the best law.
    """

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of the best law, by name, at FID 0."""
        return dict(self.best.parameters)

    def optimum(self, flops: float, fid: float | None = None, dataset: str | None = None) -> dict:
        """The compute-optimal N and D of a budget, with loss, accuracy and exponents, at a FID or
        the FID of a data set of the fit; by default its best data set's.
        """
        return next(optimum_rows([self], [flops], *_asked(fid, dataset)))

    def predict(
        self, params: float, samples: float, fid: float | None = None, dataset: str | None = None
    ) -> dict:
        """Loss and accuracy of a run of `params` parameters on `samples` images, with intervals
        for a single run.  DataError for a law that knows the loss at its optimum only.
        """
        return next(prediction_rows([self], [params], [samples], *_asked(fid, dataset)))

    def ceiling(self, fid: float = 0.0) -> dict:
        """The loss and accuracy that no compute passes at a FID; by default on perfect data.

        DataError for a law without a floor.
        """
        return next(ceiling_rows([self], [fid] if self.has_quality else []))


def read_fit(source: str | os.PathLike | Mapping) -> Fit:
    """A fit from a file that advfit wrote, or from its document, a parsed JSON object.

    Raises DataError naming the field, what was found and what was expected, and for a file of
    several fits.
    """
    if isinstance(source, Mapping):
        return Fit(**vars(checked_fit(dict(source))))
    path = os.fspath(source)
    with open(path, "rb") as file:
        fits = parse_fits(file.read(), path)
    if len(fits) != 1:
        raise DataError(f"{path}: {len(fits)} fits; expected one")
    return Fit(**vars(fits[0]))


def _asked(fid: float | None, dataset: str | None) -> tuple[list[float], list[str]]:
    return [] if fid is None else [fid], [] if dataset is None else [dataset]
