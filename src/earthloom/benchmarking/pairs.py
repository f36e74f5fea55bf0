"""Scenes of bandpass alignment: pairs of two sensors, what is fitted to some of them and judged on the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from earthloom.benchmarking.definition import FIT
from earthloom.engine.options import Run
from earthloom.engine.scene import ArrayScene
from earthloom.errors import InputError
from earthloom.methods.base import Method
from earthloom.prepare.bandpass.opening import open_one, pair_scene
from earthloom.prepare.bandpass.pairing import Pairing, for_sensors, require_sensor
from earthloom.problems.bandpass import Bandpass
from earthloom.problems.base import Case
from earthloom.raster.formats import images_in
from earthloom.raster.listing.published import PUBLISHED, published_pairs
from earthloom.raster.told import Told
from earthloom.training.bandpass.fit import Fitting, fit_transform, learns, name_and_fields
from earthloom.training.cases.samples import DataSet
from earthloom.types import Observation, Window

MOST = 100  # pairs that are fitted to, spread evenly: more give no other line
FOLDERS = ("source", "target")
LAYOUT = "source/ and target/ with as many images each, mask/ perhaps; or data/ and divide/ of the published set"
TOLD = ("nodata", "scale", "ignore_georeferencing")


class Pair(NamedTuple):
    """Files of one place: of both sensors, what is to be used of them, and which part of its rows, counted from 0."""

    source: Path
    target: Path
    mask: Path | None = None
    part: int = 0

    @property
    def files(self) -> list[str]:
        """All of them."""
        return [str(one) for one in (self.source, self.target, self.mask) if one is not None]


@dataclass(frozen=True, eq=False)
class Lessons:
    """What methods are fitted to before they are judged on a scene; a fit serves all scenes that share it.

    Parameters
    ----------
    pairs
        Their files.
    observe
        From a pair to what both sensors saw.
    sensors
        Names of source and target.
    steps
        Of the training of networks.
    kept
        Fits by the label of the method and these lessons.
    """

    pairs: tuple[Pair, ...]
    observe: Callable[[Pair], Observation]
    sensors: tuple[str, str]
    steps: int
    kept: dict[tuple[str, str], Method]
    lock: Any

    @cached_property
    def key(self) -> str:
        """By the bytes of the files that are fitted to."""
        told = sha256(repr((self.sensors, self.steps)).encode())
        for pair in self.pairs:
            told.update(bytes([pair.part]))
            for file in pair.files:
                told.update(Path(file).read_bytes())
        return told.hexdigest()

    def fitted(self, label: str, method: Method) -> Method:
        """A method with its mapping, as it will be applied: fitted, or told whose bands it turns into whose."""
        method = for_sensors(
            method, *(require_sensor(name, role) for name, role in zip(self.sensors, FOLDERS, strict=True))
        )
        if not learns(method):
            return method
        if not self.pairs:
            raise InputError(f"{label} without pairs to fit to", "two scenes at least")
        with self.lock:
            key = (label, self.key)
            if key not in self.kept:
                name, fields = name_and_fields(method)
                scenes = [ArrayScene(self.observe(pair)) for pair in self.pairs]
                how = Fitting(judge=False, check_units=False, steps=self.steps)
                self.kept[key] = fit_transform(scenes, name, how=how, **fields).transform.aligner
            return self.kept[key]


class PairCases(DataSet):
    """Pairs of images of two sensors in random access: the target is the truth of what the source should look like.

    Parameters
    ----------
    given
        A folder with ``source/``, ``target/`` and perhaps ``mask/``, in the order of their names; or the published
        data set; or pairs of files by their roles, ``{"source": ..., "target": ...}`` each.
    fit
        ``from`` and ``to``, the sensors; ``train`` and ``test``, parts of the published set (else every scene is
        judged by what was fitted to all others); ``steps`` of networks; ``parts``: into so many strips of rows each
        scene is cut, which count as scenes; ``within``: a strip is judged by what was fitted to those of its scene
        alone; ``bands_from`` and ``bands_to``: which bands, or what those of a file without names are called.
    told
        Of both images: ``nodata``, ``scale``, ``ignore_georeferencing``.
    """

    def __init__(
        self, given: str | Path | Sequence[Mapping[str, str]], fit: Mapping[str, Any], told: Mapping[str, Any]
    ) -> None:
        wrong = [name for name in fit if name not in FIT]
        wrong += [f"read.{name}" for name in told if name not in TOLD]
        missing = [name for name in ("from", "to") if name not in fit]
        if wrong or missing:
            raise InputError(f"{', '.join(wrong or missing)} {'missing' if missing else 'for pairs'}", ", ".join(FIT))
        home = Path(given) if isinstance(given, (str, Path)) else None
        self.published = home is not None and (home / "divide").is_dir()
        self.apart = self._published(home, fit) if home is not None and self.published else None
        self.parts, self.within = int(fit.get("parts", 1)), bool(fit.get("within", False))
        if not 1 <= self.parts < MOST or (self.apart and self.parts > 1) or (self.within and self.parts < 2):
            raise InputError(
                f"parts = {self.parts}, within = {self.within}", f"parts of 1 to {MOST - 1}, 2 within a scene"
            )
        whole = self.apart[1] if self.apart else self._roles(given) if home is None else self._folders(home)
        self.sources = [pair._replace(part=part) for pair in whole for part in range(self.parts)]
        names = str(fit["from"]), str(fit["to"])
        self.sensor, self.sensors = require_sensor(names[1], "target"), names
        self.bands, self.steps = len(self.sensor.bands), int(fit.get("steps", Fitting.steps))
        more = dict(told)
        self.run = Run(ignore_georeferencing=bool(more.pop("ignore_georeferencing", False)))
        own, other = (Told(sensor=str(fit[key]), bands=fit.get(f"bands_{key}"), **more) for key in ("from", "to"))
        self.pairing = Pairing(replace(own, mask_values=(0,)) if self.published else own, other, force=True)
        self._kept: dict[tuple[str, str], Method] = {}
        self._lessons: dict[int, Lessons] = {}
        self._lock = Lock()

    @staticmethod
    def _published(home: Path, fit: Mapping[str, Any]) -> tuple[list[Pair], list[Pair]]:
        """Pairs to fit to and pairs to judge on."""
        parts = ([Pair(*one) for one in sorted(published_pairs(home, fit.get(key, key)))] for key in ("train", "test"))
        train, test = parts
        few = sorted({round(at * (len(train) - 1) / max(MOST - 1, 1)) for at in range(min(MOST, len(train)))})
        return [train[at] for at in few] if len(train) > MOST else train, test

    @staticmethod
    def _roles(given: Any) -> list[Pair]:
        """Pairs whose files are named."""
        wanted = {"source", "target"}
        odd = next((one for one in given if not wanted <= set(one) <= wanted | {"mask"}), None)
        if odd is not None:
            raise InputError(f"a pair of {', '.join(odd)}", "source and target, and perhaps mask")
        return [
            Pair(Path(one["source"]), Path(one["target"]), Path(one["mask"]) if "mask" in one else None)
            for one in given
        ]

    @staticmethod
    def _folders(home: Path) -> list[Pair]:
        """Pairs in the order of their names."""
        own, other = (images_in(home / name) if (home / name).is_dir() else [] for name in FOLDERS)
        masks = images_in(home / PUBLISHED["mask"]) if (home / PUBLISHED["mask"]).is_dir() else []
        if not own or len(own) != len(other) or (masks and len(masks) != len(own)):
            raise InputError(f"{home} with {len(own)} sources, {len(other)} targets and {len(masks)} masks", LAYOUT)
        return [
            Pair(Path(a), Path(b), Path(masks[k]) if masks else None)
            for k, (a, b) in enumerate(zip(own, other, strict=True))
        ]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def names(self) -> list[str]:
        """Of the sources' files, and which part of its rows."""
        behind = [f", part {one.part + 1}" if self.parts > 1 else "" for one in self.sources]
        return [pair.source.stem + words for pair, words in zip(self.sources, behind, strict=True)]

    @property
    def files(self) -> list[str]:
        """All that is read, to fit and to judge."""
        pairs = [*(self.apart[0] if self.apart else ()), *self.sources]
        return list(dict.fromkeys(file for pair in pairs for file in pair.files))

    def one(self, index: int) -> Case:
        """The source, and the target where both were seen."""
        return Bandpass().degrade(self.observe(self.sources[index]))

    def seen(self, index: int) -> Observation:
        """What both sensors saw."""
        return self.observe(self.sources[index])

    def lessons(self, index: int) -> Lessons:
        """What is fitted to before a scene is judged."""
        own = 0 if self.apart else index  # one for all scenes of the published set
        with self._lock:
            if own not in self._lessons:
                others = self.apart[0] if self.apart else self._others(index)
                pairs = tuple(others)
                self._lessons[own] = Lessons(pairs, self.observe, self.sensors, self.steps, self._kept, self._lock)
            return self._lessons[own]

    def _others(self, index: int) -> list[Pair]:
        """All pairs but one; of its own scene alone, where that is asked for."""
        judged = self.sources[index]
        others = [one for at, one in enumerate(self.sources) if at != index]
        return [one for one in others if one.source == judged.source] if self.within else others

    def observe(self, pair: Pair) -> Observation:
        """Both images on the grid of the coarser one, the rows of a part."""
        with ExitStack() as stack:
            seen = open_one(str(pair.source), "source", _text(pair.mask), self.pairing.source, True, stack)
            other = open_one(str(pair.target), "target", None, self.pairing.target, True, stack)
            scene = pair_scene(seen, other, other.sensor, self.pairing, self.run)
            height, width = scene.shape
            first, last = (height * (pair.part + more) // self.parts for more in (0, 1))
            obs = scene.observe(Window(first, 0, last - first, width), 0)
            return replace(obs, core=None, origin=(0, 0))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_kept", "_lessons", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_kept": {}, "_lessons": {}, "_lock": Lock()}


def _text(path: Path | None) -> str | None:
    """A path as text."""
    return None if path is None else str(path)


def pairs_in(folders: Sequence[Any], fit: Mapping[str, Any], told: Mapping[str, Any]) -> PairCases:
    """The pairs of one folder, or those whose files are named.

    Raises
    ------
    InputError
        If there are several folders, or one holds none.
    """
    if folders and all(isinstance(one, Mapping) for one in folders):
        return PairCases(folders, fit, told)
    if len(folders) != 1:
        raise InputError(f"{len(folders)} folders of pairs", "one", LAYOUT)
    return PairCases(folders[0], fit, told)
