"""A method as it will run: a network with its weights, adapted to the scene when asked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.engine.options import Options
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods.base import Method
from earthloom.methods.wrappers.refined import Refined
from earthloom.raster.write.cog import require_place
from earthloom.weights.header import SUFFIX


def ready(method: Method, scene: Any, options: Options) -> Method:
    """The method as it will run on this scene: a network with its weights, adapted to the scene when asked.

    Raises
    ------
    MethodError
        If no weights fit, or a method that has nothing to learn shall adapt.
    """
    if isinstance(method, Refined):
        return replace(method, inner=ready(method.inner, scene, options))
    if not adapts(options):
        if options.save_weights is not None:
            raise InputError("save_weights without adapting", "adapt_seconds or adapt_steps above 0 (--adapt)")
        method = method.ready(scene.empty())
        if method.card.family == "network" and options.measured is not None:
            options.measured({"network": method.told})
        return method
    if method.card.family != "network":
        raise MethodError(f"{method.card.name} has nothing to adapt", "a network such as cf2n", "leave out --adapt")
    if options.save_weights is not None:
        _weights_place(options)
    from earthloom.training.adapt import adapt

    found = adapt(
        method, scene, options.adapt_seconds,  # type: ignore[arg-type]
        steps=options.adapt_steps, threads=options.workers, progress=options.progress, say=options.tell,
    )  # fmt: skip
    options.tell(str(found))
    if options.measured is not None:
        options.measured({"network": f"{method.card.name} {found}"})
    if not found.kept and found.began == "random":
        start = "the interpolated image" if method.card.problem == "pansharpening" else "what it began with"
        warnings.warn(
            f"{method.card.name} learnt nothing on this scene: the product is {start}; adapt longer, or give --weights",
            EarthloomWarning, stacklevel=2,
        )  # fmt: skip
    if options.save_weights is not None:
        found.method.save(options.save_weights)
    return found.method


def adapts(options: Options) -> bool:
    """Whether the method is to be adapted: a budget of seconds or of steps is given.

    Raises
    ------
    InputError
        If one is negative or no number.
    """
    for given, unit in ((options.adapt_seconds, "seconds"), (options.adapt_steps or 0, "steps")):
        if not given >= 0:  # NaN too
            raise InputError(f"adapting for {given:g} {unit}", "a positive number")
    return bool(options.adapt_seconds or options.adapt_steps)


def _weights_place(options: Options) -> None:
    """Refuse a place for weights before the work, not after it."""

    path = Path(options.save_weights)
    if path.suffix != SUFFIX:
        raise InputError(f"save_weights {path.name}", f"a name that ends in {SUFFIX}")
    require_place(path, options.overwrite)


def ready_attempts(attempts: Sequence[Any], options: Options) -> None:
    """Make the method of the first choice of dates ready; one that was adapted serves all the others too."""
    first = attempts[0]
    first.method = ready(first.method, first.scene, options)
    if adapts(options):
        for one in attempts[1:]:
            one.method = first.method
