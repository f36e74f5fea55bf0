"""Anything as plain data for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def strict(value: Any) -> Any:
    """Plain data for JSON, which knows no NaN and no infinity: null instead."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain(value: Any) -> Any:
    """Something that JSON does not know: a number of numpy as a number, an array by its shape, all else in words."""
    if getattr(value, "shape", None):
        return f"{type(value).__name__} of {'x'.join(map(str, value.shape))}"
    if hasattr(value, "item"):
        return strict(value.item())
    return str(value)
