"""The scenes of a benchmark: the data set as its protocol reads it, one observation and its truth at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.benchmarking.entry import Entry, inside
from earthloom.benchmarking.protocol import Part, Protocol
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.problems import catalog as problems
from earthloom.problems.base import Case
from earthloom.raster.listing.date_folders import Series
from earthloom.raster.listing.days import parse_date
from earthloom.raster.listing.layouts import find_sources
from earthloom.raster.steady import stamps
from earthloom.training.cases.open import cases
from earthloom.training.cases.pansharpening import Cases
from earthloom.training.cases.samples import DataSet, Reading, limit_of
from earthloom.types import Observation, View, Window

WHOLE = 1 << 20  # pixels: scenes come as they are, not in blocks
BY_SCENE = "pansharpening"  # whose scenes are opened one by one
Pairs = Callable[[Sequence[str], Mapping[str, Any], Mapping[str, Any]], DataSet]
READINGS = {one.name for one in fields(Reading)}


@dataclass(frozen=True, eq=False)
class Opened:
    """Some scenes that are read alike; or one that cannot be, and why.

    Parameters
    ----------
    data, reading
        The data set, and how it is read.
    peak
        Largest possible value, or how it is found.
    part
        Of the protocol.
    title
        Of a scene that lies in a folder of its own.
    """

    data: DataSet | EarthloomError
    reading: Reading
    peak: float | str
    part: Part
    title: str = ""

    def __len__(self) -> int:
        return 1 if isinstance(self.data, EarthloomError) else len(self.data)

    @cached_property
    def names(self) -> list[str]:
        """Of its scenes: without the corner of a block where a scene is one block."""
        if self.title or isinstance(self.data, EarthloomError):
            return [self.title]
        return [name.removesuffix("@0,0") for name in self.data.names]

    @property
    def files(self) -> list[str]:
        """What they are read from."""
        return [] if isinstance(self.data, EarthloomError) else self.data.files

    def open(self) -> DataSet:
        """The data set.

        Raises
        ------
        EarthloomError
            If it could not be opened.
        """
        if isinstance(self.data, EarthloomError):
            raise self.data
        return self.data


@dataclass(frozen=True, eq=False)
class Scenes(Sequence[Entry]):
    """All scenes of a benchmark in random access; can be pickled, and nothing is read before it is asked for.

    Parameters
    ----------
    protocol
        How they are read.
    opened, units
        The data sets, and for each scene its data set and number there.
    """

    protocol: Protocol
    opened: tuple[Opened, ...]
    units: tuple[tuple[int, int], ...]
    given: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.units)

    def name(self, number: int) -> str:
        """Of a scene."""
        home, index = self.units[number]
        return self.opened[home].names[index]

    @property
    def names(self) -> list[str]:
        """Of all of them."""
        return [self.name(number) for number in range(len(self))]

    @property
    def files(self) -> list[Path]:
        """What they are read from, each once."""
        return sorted(
            stamps([file for home in dict.fromkeys(home for home, _ in self.units) for file in self.opened[home].files])
        )

    def __getitem__(self, number: Any) -> Any:
        """A scene, read now."""
        if isinstance(number, slice):
            return [self[at] for at in range(*number.indices(len(self)))]
        home, index = self.units[number]
        opened, protocol = self.opened[home], self.protocol
        data = opened.open()
        if protocol.full:
            obs, truth = data.seen(index), None
        else:
            case = self._case(data, index)
            obs, truth = case.obs, case.truth
        if opened.reading.precision != "float32":
            obs, truth = promoted(obs, opened.reading.precision), truth if truth is None else truth.astype(np.float64)
        lessons = getattr(data, "lessons", None)
        name = self.name(number)
        entry = Entry(name, obs, truth, 0.0, None if lessons is None else lessons(index), protocol.fold(name))
        return replace(entry, peak=self._peak(opened, entry))

    def _case(self, data: DataSet, index: int) -> Case:
        """A case, made of a part of its scene where the protocol says so."""
        crop, window = self.protocol.crop, self.protocol.window
        if window is not None:
            return part_of(data[index], window)
        if not crop:
            return data[index]
        whole = data.seen(index)
        ratio = whole.ratio
        height, width = (min(n, round(crop * ratio)) for n in whole.shape)
        part = replace(whole.crop(Window(0, 0, height, width)), core=None, origin=(0, 0))
        return problems.find(self.protocol.problem).degrade(part)

    def _peak(self, opened: Opened, entry: Entry) -> float:
        """The largest possible value; that of the truth is looked for where it is judged."""
        if not isinstance(opened.peak, str):
            return float(opened.peak)
        if opened.peak == "maximum":
            data = opened.open()
            told = (getattr(getattr(one, "facts", None), "maximum", None) for one in getattr(data, "sources", ()))
            most, _ = limit_of(data.sensor, opened.reading, next((one for one in told if one), None))
            if most is not None:
                return most
        if entry.truth is not None:
            return float(np.nanmax(entry.inner(entry.truth, self.protocol)))
        return float(max(view.data[:, view.valid].max() for view in entry.obs.views.values() if view.valid.any()))


def part_of(case: Case, window: Window) -> Case:
    """What was seen of a window alone, and its truth: pixels whose middle lies in it, and no margin beside them.

    Raises
    ------
    InputError
        If it is not inside the scene.
    """
    obs, views = case.obs, dict[str, View]()
    truth = case.truth[:, *inside(window, obs.shape)]
    for role, view in obs.views.items():
        spans = []
        for axis, (first, count) in enumerate(((window.y, window.height), (window.x, window.width))):
            spans.append(slice(*np.searchsorted(view.centres(axis), [first - 0.5, first + count - 0.5])))
        rows, cols = spans
        own = Window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        views[role] = replace(
            view, data=np.ascontiguousarray(view.data[:, rows, cols]), valid=view.valid[rows, cols].copy(),
            offset=view.offset_in(window, own),
        )  # fmt: skip
    seen = replace(obs, views=views, shape=(window.height, window.width), core=None, origin=(0, 0))
    return Case(seen, np.ascontiguousarray(truth))


def promoted(obs: Observation, precision: str) -> Observation:
    """The same views in another precision."""
    views = {role: replace(view, data=view.data.astype(precision)) for role, view in obs.views.items()}
    return replace(obs, views=views)


def open_scenes(
    data: str | Path | Sequence[str | Path],
    protocol: Protocol,
    only: Sequence[str] = (),
    limit: int | None = None,
    pairs: Pairs | None = None,
) -> Scenes:
    """The scenes of a data set, as a protocol reads them.

    Parameters
    ----------
    data
        Files and folders, in any layout of :func:`earthloom.cases`, or the one that the protocol's parts describe.
    only
        Patterns of the names of scenes that count, beside the protocol's own.
    limit
        At most so many, spread evenly.
    pairs
        Opens pairs of two sensors, by their folders, what the protocol says of the fit, and how they are read.

    Raises
    ------
    FileError, InputError
        If nothing is found, or data do not fit the protocol.
    """
    given = [Path(one) for one in ([data] if isinstance(data, (str, Path)) else data)]
    if not given:
        raise InputError("no data", "a file or a folder at least", "`data` takes them")
    for one in given:
        if not _there(one):
            raise FileError(f"{one} does not exist", hint="check the path")
    opened = tuple(_opened(given, protocol, pairs))
    units = [(home, index) for home, one in enumerate(opened) for index in range(len(one))]
    kept = [
        (home, index) for home, index in units
        if protocol.counts(opened[home].names[index]) and _named(opened[home].names[index], only)
    ]  # fmt: skip
    if not kept:
        have = ", ".join(opened[home].names[index] for home, index in units[:6]) or "nothing"
        wanted = ", ".join((*protocol.scenes, *only)) or protocol.layout or "scenes"
        raise InputError(f"no scene of {protocol.name} among {have}", wanted)
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} scenes", "at least 1")
    if limit is not None and limit < len(kept):
        kept = [kept[at] for at in np.linspace(0, len(kept) - 1, limit).round().astype(int)]
    names = [opened[home].names[index] for home, index in kept]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InputError(f"two scenes called {twice}", "names that tell them apart", "benchmark the folders one by one")
    return Scenes(protocol, opened, tuple(kept), tuple(str(one) for one in given))


def _there(path: Path) -> bool:
    """Whether there is such a file or folder; a folder may choose its dates behind ``@``."""
    return path.exists() or ("@" in path.name and path.with_name(path.name.rpartition("@")[0]).exists())


def _named(name: str, only: Sequence[str]) -> bool:
    """Whether a scene is among those asked for."""
    return not only or any(fnmatch(name, pattern) for pattern in only)


def _opened(given: Sequence[Path], protocol: Protocol, pairs: Pairs | None) -> Iterator[Opened]:
    """Data sets: one for each file or folder that a part takes, else one of all that was given."""
    if protocol.dates:
        series = [dated_series(one, protocol) for one in given]
        yield from _open(series, protocol, Part("*"), pairs)
        return
    if not protocol.parts:
        paths = [f"{one}@{protocol.choice}" if protocol.choice and "@" not in one.name else str(one) for one in given]
        kept = [one for one in paths if not _matches(Path(one), protocol.without)]
        yield from _open(kept, protocol, Part("*"), pairs)
        return
    found = False
    for one in given:
        for path, part in _parts(one, protocol):
            found = True
            named = dict(_named_scenes(path, one, part.roles))
            if pairs is not None and named:  # what is fitted to some is judged on others: one data set
                yield from _open(list(named.values()), protocol, part, pairs)
                continue
            for title, roles in named.items() if named else [("", [str(path)])]:
                yield from _open(roles, protocol, part, pairs, title)
    if not found:
        names = ", ".join(part.files for part in protocol.parts)
        raise InputError(f"nothing for {protocol.name} in {', '.join(map(str, given))}", names, protocol.layout)


def dated_series(folder: Path, protocol: Protocol) -> Series:
    """The dates of a folder, as a protocol names their files.

    Raises
    ------
    FileError
        If one is missing.
    """
    kinds: dict[str, dict[date, Any]] = {"fine": {}, "coarse": {}, "mask": {}}
    numbers: dict[date, int] = {}
    for one in protocol.dates:
        day = parse_date(one.day)
        for kind, found in kinds.items():
            name = getattr(one, kind)
            if name and not (folder / name).is_file():
                raise FileError(f"{folder} without {name}", f"the files of {protocol.name}", protocol.layout)
            if name:
                found[day] = str(folder / name) if kind == "mask" else (str(folder / name),)
        if one.band:
            numbers[day] = one.band
    return Series(folder.name, kinds["fine"], kinds["coarse"], kinds["mask"], protocol.choice, numbers)


def _named_scenes(folder: Path, given: Path, roles: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The scenes of a folder whose files are named by role: one, or one for each word that ``*`` stands for."""
    if not any("*" in name for name in roles.values()):
        if roles:
            yield _title(folder, given), {role: str(folder / name) for role, name in roles.items()}
        return
    every = [
        {found[1]: str(path) for path in folder.glob(name) if (found := re.fullmatch(_starred(name), path.name))}
        for name in roles.values()
    ]
    for title in sorted(set(every[0]).intersection(*every[1:])):
        yield title, {role: files[title] for role, files in zip(roles, every, strict=True)}


def _starred(name: str) -> str:
    """A pattern that captures what the first ``*`` stands for."""
    before, _, behind = name.partition("*")
    return f"{re.escape(before)}(.+){re.escape(behind)}"


def _title(folder: Path, given: Path) -> str:
    """What the scene in a folder is called: by the folder, and those above it up to what was given."""
    return "_".join(folder.relative_to(given).parts) if folder != given else folder.name


def _parts(given: Path, protocol: Protocol) -> Iterator[tuple[Path, Part]]:
    """The files and folders that parts take, in the order of the parts; each once."""
    seen: set[Path] = set()
    for part in protocol.parts:
        inside = sorted(given.rglob("*")) if given.is_dir() else []
        for path in [given, *inside]:
            named = part.files.lower()
            name = path.relative_to(given.parent).as_posix().lower() if "/" in named else path.name.lower()
            fits = fnmatch(name, f"*{named}" if "/" in named else named)
            whole = path.is_dir() if part.roles else path.is_file()
            if fits and whole and path not in seen and not _matches(path, protocol.without):
                if not all(any(path.glob(name)) for name in part.roles.values()):
                    continue
                seen.add(path)
                yield path, part


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    """Whether a name is like one of some patterns."""
    return any(fnmatch(path.name.lower(), pattern.lower()) for pattern in patterns)


def _open(
    paths: Any, protocol: Protocol, part: Part, pairs: Pairs | None, title: str = ""
) -> Iterator[Opened]:  # fmt: skip
    """The data sets of some paths: one of all; of PAN and MS one for each scene, for theirs may be of many sensors."""
    told = {**protocol.read, **part.read}
    reading = Reading(**{key: value for key, value in told.items() if key in READINGS}, block_px=WHOLE)
    peak = protocol.judge.peak if part.peak is None else part.peak
    if pairs is not None:
        yield Opened(pairs(paths, protocol.fit, told), reading, peak, part)
        return
    if protocol.problem != BY_SCENE:
        yield Opened(cases(paths, protocol.problem, block_px=WHOLE, **told), reading, peak, part, title)
        return
    for source in find_sources(paths):
        try:
            data: DataSet | EarthloomError = Cases([source], problems.find(protocol.problem), reading, None)
        except EarthloomError as wrong:
            data = wrong
        yield Opened(data, reading, peak, part, title or (source.name if isinstance(data, EarthloomError) else ""))
