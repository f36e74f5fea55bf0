"""The suite checks shapes: a wrong one is refused in a function that annotates it."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from earthloom.ops.quantise import quantise
from earthloom.types import Band, View


def test_wrong_shapes_are_noticed() -> None:
    with pytest.raises(TypeCheckError):
        quantise(np.zeros((3, 4), np.float32), np.ones((3, 4), bool), "uint8")
    with pytest.raises(TypeCheckError):
        View(np.zeros((1, 3, 4), np.float32), np.ones((4, 4), bool), (Band("pan"),))
