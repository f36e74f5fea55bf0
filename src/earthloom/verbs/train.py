"""`earthloom.train`: weights of a network from a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthloom.engine.talk import Progress, silent
from earthloom.errors import warn
from earthloom.methods.networks.network import Network
from earthloom.raster.steady import paths_in, require_unchanged, stamps
from earthloom.training.cases.open import cases
from earthloom.training.job import (
    BLOCK_PX,
    READ,
    _plain,
    _sensor,
    _settings,
    data_options,
    find_training,
    prepare_training,
    require_run_place,
)
from earthloom.training.loop.config import Config

if TYPE_CHECKING:
    from earthloom.training.loop.loop import Result


def train(
    method: str | Network,
    data: Any,
    validation: Any = None,
    sensor: Any = None,
    *,
    output: str | Path,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    convention: str | None = None,
    bands: Sequence[str | int] | None = None,
    scale: float | None = None,
    maximum: float | None = None,
    ignore_georeferencing: bool = False,
    limit: int | None = None,
    licence: str | None = None,
    not_for: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None] | None = None,
    **fields: Any,
) -> Result:
    """Train a network on scenes from disk.

    Parameters
    ----------
    method
        Name of a network such as ``pansharpening/cf2n``, or a network object.
    data
        Files and folders of scenes in any layout of :func:`earthloom.training.cases.open.cases`. Scenes without a truth
        are degraded one scale down by the sensor's own physics (Wald's protocol).
    validation
        The same, of scenes that are not trained on: they choose the best weights and give the card its figures.
    sensor
        Name of a sensor or path of a sensor file; None takes what the data say.
    output
        Folder of the run: settings, environment, log, checkpoints, pictures, weights and their card. A folder that
        holds the same run goes on where it stopped.
    config
        A :class:`earthloom.training.loop.config.Config`, a mapping of its fields, or a TOML file with them.
    convention
        ``centre`` or ``toolbox``; None takes what the data say. Of cubes ``bicubic`` or ``centre``, their blur.
    bands, scale, maximum, ignore_georeferencing
        How the data are read, validation included; see :func:`earthloom.cases`.
    limit
        At most so many scenes, spread evenly.
    licence, not_for
        Of the data, and what the weights should not be used for: both go into the card.
    resume
        Fail when there is nothing to go on from.
    overwrite
        Begin anew in a folder that holds a run, which goes when the new one is whole; see
        :func:`earthloom.training.loop.loop.fit`.
    progress, say
        Told after every step; told lines about what is done.
    **fields
        Fields of the configuration or of the network; for cubes also ``ratio`` (4) and ``bad_bands``.

    Returns
    -------
    Result
        Its ``folder`` holds ``weights.safetensors``; ``earthloom.pansharpen(..., weights=folder)`` uses them.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.
    """
    own = {key: fields.pop(key) for key in data_options(method) if fields.get(key) is not None}
    settings, mine = _settings(method, config, fields)
    network = find_training(method, mine)
    from earthloom.training.loop.loop import fit

    output = Path(output)
    require_run_place(output, overwrite, list(paths_in(data, validation)), network, config)
    given = (sensor, convention, bands, scale, maximum, ignore_georeferencing)
    reading = {key: value for key, value in zip(READ, given, strict=True) if value is not None and value is not False}
    reading |= own
    more: dict[str, Any] = {**reading, "problem": network.card.problem, "block_px": BLOCK_PX}
    seen = cases(data, limit=limit, **more)
    held = cases(validation, **more) if validation is not None else ()
    before = stamps(path for one in (seen, held) for path in getattr(one, "files", ()))
    if not held:
        warn("no validation scenes: the last weights are kept, unjudged")
    task, header, module = prepare_training(network, seen, held, settings, progress)
    require_unchanged(before)
    title = ", ".join(sorted({str(source.name) for source in getattr(seen, "sources", ())}))
    made = ", coarse images simulated" if getattr(seen, "simulated", False) else ""
    card = {"data": f"{len(seen)} case(s) of {title}{made}", "licence": licence, "not_for": not_for}
    header = replace(header, sensor=_sensor(seen, sensor), card={k: v for k, v in card.items() if v is not None})
    told = {"method": network.key, "data": data, "validation": validation, **reading, "limit": limit}
    told |= {"licence": licence, "not_for": not_for}
    run = {key: _plain(value) for key, value in told.items() if value is not None}
    built = {key: value for key, value in network.architecture.items() if value is not None}
    return fit(module, task, settings, output, header, {"run": run, "network": built}, resume, progress, say, overwrite)
