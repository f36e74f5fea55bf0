"""Fields of methods take what they say and nothing else, from Python as from the command line."""

from __future__ import annotations

import numpy as np
import pytest

from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.ops.banded import stationary
from earthloom.ops.moments import Lowest

WRONG = [
    ("gsa", {"gain": "bogus"}, "'detail' or 'global'"),
    ("mtf_glp", {"matching": 3}, "'detail' or"),
    ("brovey", {"weights": "bogus"}, "numbers"),
    ("bt_h", {"haze": "x"}, "a number or 'published'"),
    ("bt_h", {"haze": 2}, "0 to 1"),
    ("sfim", {"window_px": 4}, "odd"),
    ("sfim", {"window_px": -3}, "at least 1"),
    ("sfim", {"guard": -1.0}, "at least 0"),
    ("mtf_glp_hpm", {"guard": -1}, "at least 0"),
    ("pracs", {"beta": -5.0}, "at least 0"),
    ("cnmf", {"endmembers": 0}, "at least 1"),
    ("cnmf", {"endmembers": 2.5}, "a whole number"),
    ("cnmf", {"residual": "yes"}, "True or False"),
    ("bdsd_pc", {"published": 1}, "True or False"),
]


@pytest.mark.parametrize("name,values,expected", WRONG)
def test_wrong_values_are_refused(name: str, values: dict, expected: str) -> None:
    with pytest.raises(MethodError, match=expected):
        catalog.make(name, **values)


def test_sequences_of_numbers_become_weights() -> None:
    weights = catalog.make("brovey", weights=np.array([1, 2, 3.0]))
    assert weights == catalog.make("brovey", weights=[1, 2, 3])
    assert getattr(weights, "weights") == (1.0, 2.0, 3.0)  # noqa: B009


def test_a_kernel_has_a_middle() -> None:
    with pytest.raises(ValueError, match="no middle"):
        stationary(np.full(4, 0.25), 20, "replicate")


def test_a_quantile_that_was_not_kept_is_not_invented() -> None:
    dark = Lowest.of(np.arange(1000.0)[None], keep=10)
    assert dark.quantile(0.005) == pytest.approx(4.5)
    with pytest.raises(InputError, match="10 distinct values"):
        dark.quantile(0.3)
