"""The suite checks shapes: a wrong one is refused in a function that annotates it."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from earthloom.ops.quantise import quantise
from earthloom.types import Band, View
from tests.shapes import EVERY, FIRST, sometimes


def test_wrong_shapes_are_noticed() -> None:
    with pytest.raises(TypeCheckError):
        quantise.always(  # type: ignore[attr-defined]
            np.zeros((3, 4), np.float32), np.ones((3, 4), bool), "uint8"
        )
    with pytest.raises(TypeCheckError):
        View(np.zeros((1, 3, 4), np.float32), np.ones((4, 4), bool), (Band("pan"),))


def test_what_is_called_often_is_checked_now_and_then() -> None:
    calls = FIRST + 3 * EVERY
    said = [sometimes(lambda: "checked", lambda: "bare")() for _ in range(3)]
    assert said == ["checked"] * 3
    one = sometimes(lambda: "checked", lambda: "bare")
    said = [one() for _ in range(calls)]
    assert said[:FIRST] == ["checked"] * FIRST and said[FIRST:].count("checked") == 3
