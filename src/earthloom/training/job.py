"""What a training needs, from data on disk and the name of a network: task, header and fresh module."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earthloom.engine.passes import filled, halo_px
from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.network import RUNTIME, Network, Sizes, sample_of
from earthloom.methods.networks.scaling import scale_of
from earthloom.ops.moments import Moments, Stats
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.raster.write.place import require_apart, require_other
from earthloom.training.cases.open import cases_module as cases_of
from earthloom.training.cases.open import readable_problems as problems_with_cases
from earthloom.training.loop.config import Config, closest_word, read_toml
from earthloom.training.loop.earlier import CARD, CONFIG, ENVIRONMENT, LOG, WEIGHTS, require_room
from earthloom.weights.store import locate

if TYPE_CHECKING:
    from earthloom.training.loop.task import Batches, Supervised
    from earthloom.weights.header import Header

SCALES = (1.0, 0.75, 0.5)  # that cubes are learnt at
BLOCK_PX = 2048  # larger scenes are normalised and cut block by block
READ = ("sensor", "convention", "bands", "scale", "maximum", "ignore_georeferencing")  # how data are read


def problem_and_name(method: str) -> tuple[str, str]:
    """Problem and name of a method: as it is written, ``problem/name``, else the first that has it."""
    problem, _, name = method.rpartition("/")
    homes = [p for p in catalog.problems() if name in catalog.names(p)]
    first = "pansharpening" if "pansharpening" in homes or not homes else homes[0]
    return problem or first, name


def data_options(method: str | Network) -> dict[str, Any]:
    """How data of a method's problem are read besides: names, each with its type and a line of help."""
    problem = problem_and_name(method)[0] if isinstance(method, str) else method.card.problem
    return cases_of(problem).OPTIONS if problem in problems_with_cases() else {}


def find_training(method: str | Network, fields: Mapping[str, Any]) -> Network:
    """The network of a name, its fields set.

    Raises
    ------
    MethodError
        If there is no such method, or it is not a network.
    """
    if isinstance(method, str):
        problem, name = problem_and_name(method)
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
    found.require_teachable()
    return found


def prepare_training(
    network: Network, seen: Sequence[Case], held: Sequence[Case], config: Config, progress: Progress = silent
) -> tuple[Supervised, Header, Any]:
    """What :func:`earthloom.training.loop.loop.fit` needs to train a network on cases: task, header and fresh module.

    Cases are kept in memory, float32. Those of one source (the samples of a stack, the blocks of a scene) are
    normalised alike, by the statistics of all of them, as a whole scene is when the network is used.

    Raises
    ------
    InputError
        If the cases ask for networks of different sizes.
    """
    from earthloom.training.lessons.adversarial import job, lesson
    from earthloom.training.lessons.band_by_band import BandByBand
    from earthloom.training.lessons.band_groups import groups_of_cubes
    from earthloom.training.loop.patches import Patches
    from earthloom.training.loop.task import hold

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
        patches: Batches = groups_of_cubes(samples, config, step, augment)
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
        problem, name = problem_and_name(method)
        known = catalog.find(name, problem) if name in catalog.names(problem) else None
        words = [f.name for f in fields_of(known)] if known else list(own)
        for word in own:
            if word not in words:
                raise InputError(
                    f"'{word}' is neither a setting of training nor a field of {name}",
                    hint=closest_word(word, [*(f.name for f in fields_of(Config)), *words]),
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


def require_run_place(folder: Path, overwrite: bool, inputs: Sequence[str], network: Network, config: Any) -> None:
    """Refuse, before anything is read, a folder in which this run would replace something that it should not.

    Parameters
    ----------
    folder
        Of the run.
    overwrite
        Whether an earlier run may be replaced.
    inputs
        Data to learn from and to judge by.
    network
        Whose weights are begun with.
    config
        The settings; a path, where they come from a file.

    Raises
    ------
    InputError
        If the folder is, or holds, an input: data, weights, or settings that no run has written there.
    FileError
        If it cannot be written, or holds what is no run that can go on.
    """
    require_apart(folder, inputs, whole=True)
    start = getattr(network, "weights", None)
    given = [str(locate(start))] if start is not None else []
    given += [str(config)] if isinstance(config, (str, Path)) and not (folder / ENVIRONMENT).is_file() else []
    for name in (WEIGHTS, CARD, CONFIG, ENVIRONMENT, LOG):
        require_other(folder / name, given, opened=False)
    if first_process():
        require_room(folder, overwrite)


__all__ = ["RUNTIME", "find_training", "prepare_training"]
