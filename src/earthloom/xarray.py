"""``image.earthloom.pansharpen(pan)``: the verbs as methods of DataArrays and Datasets.

>>> import earthloom.xarray
>>> import numpy as np, xarray
>>> cube = xarray.DataArray(np.random.rand(8, 16, 16), dims=("band", "y", "x"))
>>> cube.earthloom.superresolve(ratio=2, method="bicubic").shape
(8, 32, 32)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import xarray

from earthloom.verbs.declared import VERBS, Verb
from earthloom.verbs.names import commands

__all__ = ["Accessor"]


class Accessor:
    """The verbs, whose main image is the one that they are called on; each takes what the function takes besides."""

    def __init__(self, image: Any) -> None:
        self._image = image


def _method(verb: Verb) -> Callable[..., Any]:
    """A verb as a method: its signature and its docstring without the image."""
    whole = inspect.signature(verb.call)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    others = (parameter for name, parameter in whole.parameters.items() if name != verb.image)
    signature = whole.replace(parameters=[first, *others])

    def method(self: Accessor, *given: Any, **named: Any) -> Any:
        bound = signature.bind(self, *given, **named).arguments
        del bound["self"]
        return verb.call(**{verb.image: self._image, **bound.pop("more", {}), **bound})

    method.__signature__ = signature  # type: ignore[attr-defined]
    method.__name__ = verb.call.__name__
    method.__qualname__ = f"{Accessor.__name__}.{method.__name__}"
    method.__doc__ = f"Of this image, which is ``{verb.image}``. {inspect.getdoc(verb.call)}"
    return method


for _name in commands():
    import_module(f"earthloom.verbs.{_name}")
    if VERBS[_name].image:
        setattr(Accessor, _name, _method(VERBS[_name]))
xarray.register_dataarray_accessor("earthloom")(Accessor)
xarray.register_dataset_accessor("earthloom")(Accessor)
