"""`earthloom.train`: data on disk and the name of a network in, a folder with weights out."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earthloom.engine.runner import Progress, silent
from earthloom.engine.trainconfig import Config, nearest, read_toml
from earthloom.errors import EarthloomWarning, FileError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.network import RUNTIME, Network, Sizes, sample_of, scale_of
from earthloom.ops.moments import Moments, Stats
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case

if TYPE_CHECKING:
    from earthloom.engine.train import Result
    from earthloom.engine.traintask import Batches, Supervised
    from earthloom.weights import Header

SCALES = (1.0, 0.75, 0.5)  # that cubes are learnt at
BLOCK_PX = 2048  # larger scenes are normalised and cut block by block
CUBES = ("ratio", "bad_bands")  # how cubes are read besides
READ = ("sensor", "convention", "bands", "scale", "maximum", "ignore_georeferencing")  # how data are read


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
        Files and folders of scenes in any layout of :func:`earthloom.engine.datasets.cases`. Scenes without a truth
        are degraded one scale down by the sensor's own physics (Wald's protocol).
    validation
        The same, of scenes that are not trained on: they choose the best weights and give the card its figures.
    sensor
        Name of a sensor or path of a sensor file; None takes what the data say.
    output
        Folder of the run: settings, environment, log, checkpoints, pictures, weights and their card. A folder that
        holds the same run goes on where it stopped.
    config
        A :class:`earthloom.engine.trainconfig.Config`, a mapping of its fields, or a TOML file with them.
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
        Begin anew in a folder that holds a run.
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
    cubes = _of_cubes(method)
    own = {key: fields.pop(key) for key in CUBES if cubes and fields.get(key) is not None}
    settings, mine = _settings(method, config, fields)
    network = find(method, mine)
    from earthloom.engine.datasets import cases
    from earthloom.engine.train import fit

    output = Path(output)
    if overwrite:
        clear(output)
    given = (sensor, convention, bands, scale, maximum, ignore_georeferencing)
    reading = {key: value for key, value in zip(READ, given, strict=True) if value is not None and value is not False}
    reading |= own
    more: dict[str, Any] = {**reading, "problem": network.card.problem, "block_px": BLOCK_PX}
    seen = cases(data, limit=limit, **more)
    held = cases(validation, **more) if validation is not None else ()
    if not held:
        warnings.warn("no validation scenes: the last weights are kept, unjudged", EarthloomWarning, stacklevel=2)
    task, header, module = prepare(network, seen, held, settings, progress)
    title = ", ".join(sorted({str(source.name) for source in getattr(seen, "sources", ())}))
    made = ", coarse images simulated" if getattr(seen, "simulated", False) else ""
    card = {"data": f"{len(seen)} case(s) of {title}{made}", "licence": licence, "not_for": not_for}
    header = replace(header, sensor=_sensor(seen, sensor), card={k: v for k, v in card.items() if v is not None})
    told = {"method": network.key, "data": data, "validation": validation, **reading, "limit": limit}
    told |= {"licence": licence, "not_for": not_for}
    run = {key: _plain(value) for key, value in told.items() if value is not None}
    built = {key: value for key, value in network.architecture.items() if value is not None}
    return fit(module, task, settings, output, header, {"run": run, "network": built}, resume, progress, say)


def home(method: str) -> tuple[str, str]:
    """Problem and name of a method: as it is written, ``problem/name``, else the first that has it."""
    problem, _, name = method.rpartition("/")
    homes = [p for p in catalog.problems() if name in catalog.names(p)]
    first = "pansharpening" if "pansharpening" in homes or not homes else homes[0]
    return problem or first, name


def _of_cubes(method: str | Network) -> bool:
    """Whether it is a method of super-resolution."""
    problem = home(method)[0] if isinstance(method, str) else method.card.problem
    return problem == "superresolution"


def find(method: str | Network, fields: Mapping[str, Any]) -> Network:
    """The network of a name, its fields set.

    Raises
    ------
    MethodError
        If there is no such method, or it is not a network.
    """
    if isinstance(method, str):
        problem, name = home(method)
        if problem not in catalog.problems():
            raise MethodError(f"no problem '{problem}'", f"one of {', '.join(catalog.problems())}")
        found = catalog.make(name, problem, **fields)
    else:
        found = method
        if fields:
            raise InputError(f"{', '.join(fields)} beside a method object", "fields of a method given by name")
    if not isinstance(found, Network):
        pairs = found.card.problem == "bandpass"
        raise MethodError(
            f"{found.card.name} has nothing to train here" if pairs else f"{found.card.name} has nothing to train",
            "a network",
            "`earthloom align fit` fits it to pairs of images" if pairs else "`earthloom methods` lists them",
        )
    return found


def prepare(
    network: Network, seen: Sequence[Case], held: Sequence[Case], config: Config, progress: Progress = silent
) -> tuple[Supervised, Header, Any]:
    """What :func:`earthloom.engine.train.fit` needs to train a network on cases: task, header and fresh module.

    Cases are kept in memory, float32. Those of one source (the samples of a stack, the blocks of a scene) are
    normalised alike, by the statistics of all of them, as a whole scene is when the network is used.

    Raises
    ------
    InputError
        If the cases ask for networks of different sizes.
    """
    from earthloom.engine.adversarial import job, lesson
    from earthloom.engine.bandbyband import BandByBand
    from earthloom.engine.bandgroups import grouped
    from earthloom.engine.patches import Patches
    from earthloom.engine.traintask import hold

    first = seen[0]
    sizes = network.sizes(first.obs)
    if config.three_scales:
        problem = problems.find(network.card.problem)
        seen = [problem.smaller(case, scale) for case in seen for scale in SCALES]
    step, taught = network.multiple(sizes), _samples(network, seen, sizes, progress)
    samples = [lesson(sample, moments, step, network.teaching) for sample, moments in taught]
    names = getattr(held, "names", [f"scene {i}" for i in range(len(held))])
    kept = [
        hold(sample, name, *scale_of(moments), max(sizes.ratio, 1.0), step)
        for name, (sample, moments) in zip(names, _samples(network, held, sizes, progress), strict=True)
    ]
    symmetric = first.obs.convention != "toolbox"  # its MS pixels lie half a pixel off the middle of their blocks
    augment = config.augment if symmetric or config.augment != "full" else "transpose"
    if config.group:
        patches: Batches = grouped(samples, config, step, augment)
    else:
        patches = Patches(samples, config.patch, step, augment, config.half_scale)
    start = network.fitted(first.obs) if network.weights else network.fresh(first.obs, config.seed)
    if start.trained.order is not None:
        raise MethodError(f"weights of bands {', '.join(start.trained.header.bands)}", "the order of the data")
    fresh = network.fresh(first.obs, config.seed).trained
    fresh.module.load_state_dict(start.trained.module.state_dict())
    task = job(network, patches, kept, config.loss, sizes.bands)
    if config.each_band:
        task = BandByBand(patches, kept, config.loss)
    return task, replace(fresh.header, name=""), fresh.module


def _samples(
    network: Network, cases: Sequence[Case], sizes: Sizes, progress: Progress
) -> Iterator[tuple[dict[str, np.ndarray], Moments]]:
    """The sample of every case, and the moments that bring it back to physical units."""
    groups = getattr(cases, "groups", range(len(cases)))
    often, shared = Counter(groups), dict[int, Stats]()
    looks, done = sum(often[group] > 1 for group in groups) + len(cases), 0
    for stage in ("measure", "take"):
        for group, number in zip(groups, range(len(cases)), strict=True):
            if stage == "measure" and often[group] == 1:
                continue
            case = cases[number]
            if network.sizes(case.obs) != sizes:
                raise InputError(
                    f"scenes of {network.sizes(case.obs)} and of {sizes}", "the same bands and ratio for all"
                )
            if stage == "take":
                yield _sample(network, case, shared.get(group))
            else:
                stats = network.summarise(case.obs, None)
                shared[group] = shared[group] + stats if group in shared else stats
            done += 1
            progress("reading", done, looks)


def _sample(network: Network, case: Case, stats: Stats | None) -> tuple[dict[str, np.ndarray], Moments]:
    """Inputs without holes and truth, which is NaN where it is not known."""
    from earthloom.engine.fuse import filled, halo_px

    obs, truth = case.obs, case.truth
    if not all(view.all_valid for view in obs.views.values()):
        valid = problems.find(network.card.problem).valid(obs)
        truth = np.where(valid, truth, truth.dtype.type(np.nan))
        obs = filled(obs, halo_px(network, obs))
    return sample_of(network, obs, truth, stats)


def _settings(
    method: str | Network, config: Config | Mapping[str, Any] | str | Path | None, fields: Mapping[str, Any]
) -> tuple[Config, dict[str, Any]]:
    """The configuration, and the fields of the network: what is given by name wins over the file.

    Raises
    ------
    InputError
        For a word that is neither; the message names the nearest.
    """
    given: dict[str, Any] = {}
    if isinstance(config, Config):
        given = config.as_dict()
    elif isinstance(config, (str, Path)):
        given = read_toml(config)
    elif config is not None:
        given = dict(config)
    own = {**given.pop("network", {}), **{k: v for k, v in fields.items() if not _is_setting(k)}}
    given.pop("run", None)
    if isinstance(method, str):
        problem, name = home(method)
        known = catalog.find(name, problem) if name in catalog.names(problem) else None
        words = [f.name for f in fields_of(known)] if known else list(own)
        for word in own:
            if word not in words:
                raise InputError(
                    f"'{word}' is neither a setting of training nor a field of {name}",
                    hint=nearest(word, [*(f.name for f in fields_of(Config)), *words]),
                )
    return Config.of({**given, **{k: v for k, v in fields.items() if _is_setting(k)}}), own


def _is_setting(word: str) -> bool:
    """Whether a word is a field of the configuration (``precision``, which networks also have, is)."""
    return word in {field.name for field in fields_of(Config)}


def _sensor(seen: Any, given: Any) -> str | None:
    """Name of the sensor whose bands were trained on."""
    sensor = getattr(seen, "sensor", None)
    return sensor.name if sensor is not None else str(given) if given is not None else None


def _plain(value: Any) -> Any:
    """Paths as texts."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (int, float, str)) else str(value)


def first_process() -> bool:
    """Whether this is the process that writes (the others are started by it, or by torchrun, with a rank)."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def clear(folder: Path) -> None:
    """Take away a run's own files, and nothing else.

    Raises
    ------
    FileError
        If they cannot be removed.
    """
    import shutil

    from earthloom.engine.trainlog import FOLDERS, OWN

    if not first_process():
        return
    try:
        for name in OWN:
            (folder / name).unlink(missing_ok=True)
        for name in FOLDERS:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
    except OSError as error:
        raise FileError(f"{folder} cannot be cleared ({error.strerror})") from error


__all__ = ["RUNTIME", "find", "prepare", "train"]
