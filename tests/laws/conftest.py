"""Fits of the paper's runs that several tests read; none of them changes one."""

import pytest
from fits import document, fit

from advlib.laws.library import read_fit

from paper import runs


@pytest.fixture(scope="session")
def fitted_laws():
    """The paper's runs fitted without draws, by approach."""
    return {approach: fit(approach, runs()) for approach in (2, 3)}


@pytest.fixture(scope="session")
def documents_without_draws():
    """Documents of the paper's runs, by approach or variant."""
    return {
        2: document(runs(), 2),
        3: document(runs(), 3),
        "joint": document(runs(), 2, variant="joint"),
    }


@pytest.fixture(scope="session")
def drawn():
    """Approach 3 on the paper's runs with 40 draws."""
    return read_fit(document(runs(), 3, bootstrap=40))


@pytest.fixture(scope="session")
def drawn_fits(drawn):
    """Laws of both surfaces on the paper's runs, with 40 draws."""
    joint = read_fit(document(runs(), 2, variant="joint", bootstrap=40))
    return {"joint": joint, "saturating": drawn}
