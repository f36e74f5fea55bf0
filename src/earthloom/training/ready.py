"""A method as it will run: a network with its weights, adapted to the scene when asked."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.engine.options import Run, on_its_device
from earthloom.errors import MethodError, warn
from earthloom.methods.base import Method
from earthloom.methods.networks.network import Fitted
from earthloom.methods.networks.placement import device_name, resolved
from earthloom.methods.wrappers.judged import require_turning
from earthloom.methods.wrappers.mixed import mixed
from earthloom.methods.wrappers.refined import Refined
from earthloom.raster.write.place import require_beside
from earthloom.weights.header import SUFFIX
from earthloom.weights.store import locate


@on_its_device
def ready(method: Method, scene: Any, run: Run) -> Method:
    """The method as it will run on this scene: a network with its weights, adapted to the scene when asked.

    Raises
    ------
    MethodError
        If no weights fit, or a method that has nothing to learn shall adapt.
    InputError
        If the device is not there.
    """
    if isinstance(method, Refined):
        return replace(method, inner=ready(method.inner, scene, run))
    _device(method, run)
    if not run.adapts:
        method = method.ready(scene.empty())
        if method.card.family == "network":
            run.fact(network=method.told)
            return _looked(method, scene, run)
        return method
    if method.card.family != "network":
        raise MethodError(f"{method.card.name} has nothing to adapt", "a network such as cf2n", "leave out `adapt`")
    start = getattr(method, "weights", None)
    given = [str(locate(start))] if isinstance(start, (str, Path)) else []
    require_beside(run.save_weights, "save_weights", SUFFIX, given, run.overwrite)
    from earthloom.training.adapt import adapt, again, told

    what = repr((method, run.seconds, run.adapt_steps))
    kept = run.learnt.get(what)
    if kept is None:
        halfway = run.learnt.file(what, ".checkpoints")
        found = adapt(
            method, scene, run.seconds, steps=run.adapt_steps, threads=run.at_a_time,  # type: ignore[arg-type]
            progress=run.progress, say=run.tell, device=run.device, checkpoints=halfway,
        )  # fmt: skip
        run.learnt.put(what, told(found))
        if halfway is not None:
            shutil.rmtree(halfway, ignore_errors=True)
    else:
        found = again(method, scene, kept)  # type: ignore[arg-type]
    run.tell(str(found))
    run.fact(network=f"{method.card.name} {found}")
    if found.beaten:
        own = min(found.after["ergas"], found.ergas)
        doubt = "" if found.rival_ergas < own else ", which so few blocks do not tell from chance"
        warn(
            f"{found.rival} has ERGAS {found.rival_ergas:.3f} on the blocks held out, {method.card.name} {own:.3f}"
            f"{doubt}: the product is that of {found.rival}; `save_weights` keeps the network"
        )
    elif not found.kept and found.began == "random":
        start = "the interpolated image" if method.card.problem == "pansharpening" else "what it began with"
        warn(
            f"{method.card.name} learnt nothing on this scene: the product is {start}; adapt longer, or give `weights`"
        )
    if run.save_weights is not None:
        found.network.save(run.save_weights)
    return found.method if found.beaten or found.kept else _looked(found.network, scene, run)


def sure(method: Method, scene: Any, run: Run) -> Method:
    """A method that is ready, with how far off each pixel is expected to be, where that is asked for.

    Raises
    ------
    MethodError
        If flips and turns of the image say nothing about it.
    """
    if not run.quality or method.judges:
        return method
    require_turning(method)
    from earthloom.training.sureness import judged

    found = judged(method, scene)
    run.tell(f"expected error: {found.parameters['expected_error']}")
    return found


def _looked(method: Method, scene: Any, run: Run) -> Method:
    """A network after a look at what it does one scale down: with what does better beside it, and a word on it.

    Loud where weights that ship do harm.
    """
    from earthloom.training.guard import glance

    found = glance(method, scene)
    if found is None or not isinstance(method, Fitted):
        return method
    run.tell(f"{method.card.name}: {found}")
    run.fact(one_scale_down={"network": round(found.network, 3), found.rival: round(found.of_rival, 3)})
    if found.harmful and method.shipped:
        warn(
            f"{method.card.name} with weights '{method.trained.header.name}' leaves {found.network:.2f} times the "
            f"error of no fusion one scale down, {found.rival} {found.of_rival:.2f}: take that, or adapt"
        )
    return mixed(method, found.beside)


def _device(method: Method, run: Run) -> None:
    """Say where a network will run, before the work; one that is asked for and has no use is worth a word."""
    if method.card.family == "network" and importlib.util.find_spec("torch") is not None:
        device = resolved(run.device)
        run.tell(f"the network runs on {device_name(device)}")
        run.fact(device=str(device))
    elif run.device not in ("auto", "cpu"):
        warn(f"{method.card.name} is no network and runs on the processor, whatever `device` says")
