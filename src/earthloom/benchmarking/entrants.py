"""What competes: methods of ours with their fields, and folders of products that somebody else made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.benchmarking.entry import Entry
from earthloom.benchmarking.labels import parted, value_of
from earthloom.engine.options import Run
from earthloom.engine.passes import filled, fuse_whole, halo_px
from earthloom.engine.scene import ArrayScene
from earthloom.errors import FileError, InputError
from earthloom.evaluation.choosing import AUTO, chosen
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.wrappers.keeping import Keeping
from earthloom.methods.wrappers.refined import refined
from earthloom.problems import catalog as problems
from earthloom.raster.formats import is_image
from earthloom.raster.open import open_image
from earthloom.types import Float

REFINE, REPLACE_ALL, FOLD = "refine", "replace_all", "{fold}"
SEEN = "as_seen"
AS_SEEN = {"cloud_removal": "optical"}  # problems whose product may be what was seen, and its role
KEEPING = "cloud_removal"  # whose products keep what was seen clear
UNIT, LARGE = 1.5, 50.0  # a product up to the first beside a truth beyond the second was divided by its maximum


@dataclass(frozen=True)
class Contestant:
    """A method by its name, with fields.

    Parameters
    ----------
    label
        As it was typed: ``gsa``, ``mtf_glp_hpm:refine=10``, ``cf2n:weights=mine.safetensors``.
    problem
        Whose method it is.
    """

    label: str
    problem: str

    @property
    def name(self) -> str:
        """Of the method."""
        return parted(self.label)[0]

    @property
    def fields(self) -> dict[str, Any]:
        """Field to value, ``refine`` among them."""
        return {name: value_of(text) for name, text in parted(self.label)[1].items()}

    def make(self, fold: str = FOLD) -> Method:
        """The method, with ``fold`` in the place of ``{fold}`` in its fields.

        Raises
        ------
        MethodError
            For an unknown method or field, or a value that the field does not take.
        """
        fields = {k: v.replace(FOLD, fold) if isinstance(v, str) else v for k, v in self.fields.items()}
        steps = fields.pop(REFINE, 0)
        kept = bool(fields.pop(REPLACE_ALL, False)) if self.problem == KEEPING else None
        method = refined(catalog.choose(self.name, self.problem, self.problem, fields), steps)
        return method if kept is None else Keeping(method, replace_all=kept)

    def ready(self, entry: Entry) -> Method:
        """The method as it runs on a scene: with its weights; chosen, where ``auto`` is asked for."""
        if FOLD in self.label and not entry.fold:
            raise InputError(
                f"{self.label} on {entry.name}", "a scene of one of the protocol's folds", "`[fold]` in it"
            )
        scene = ArrayScene(entry.obs)
        method = chosen(scene, self.problem, Run(threads=1)) if self.name == AUTO else self.make(entry.fold)
        if entry.lessons is not None:
            method = entry.lessons.fitted(self.label, method)
        method.check(entry.obs, entry.obs.shape)
        return method.ready(entry.obs)

    def fingerprint(self, entry: Entry, method: Method | None) -> str:
        """By what its product of a scene may differ: name, fields, weights."""
        told = repr(sorted(method.parameters.items(), key=str)) if method is not None else ""
        told += entry.lessons.key if entry.lessons is not None else ""
        return sha256(f"{self.label}\n{told}".encode()).hexdigest()

    def product(self, entry: Entry, method: Method | None) -> Float[np.ndarray, "band y x"]:
        """The fused image of a scene."""
        assert method is not None
        obs = entry.obs
        if not all(view.all_valid for view in obs.views.values()):
            obs = filled(obs, halo_px(method, obs))
        return fuse_whole(method, obs)

    def about(self) -> dict[str, Any]:
        """For a manifest: the method and all its fields, those that were not told as well."""
        if self.name == AUTO:
            return {"label": self.label, "method": AUTO}
        method = self.make()
        return {
            "label": self.label, "method": f"{self.problem}/{catalog.name_of(method)}",
            REFINE: self.fields.get(REFINE, 0),
            "fields": {name: _plain(value) for name, value in method.parameters.items()},
        }  # fmt: skip


class AsSeen(Contestant):
    """What was seen, as it is: the row of doing nothing, where a problem has no method for it."""

    def ready(self, entry: Entry) -> None:  # type: ignore[override]
        """Nothing is made."""
        return

    def product(self, entry: Entry, method: Method | None) -> Float[np.ndarray, "band y x"]:
        """The image that was seen."""
        return entry.obs[AS_SEEN[self.problem]].data

    def about(self) -> dict[str, Any]:
        """For a manifest."""
        return {"label": self.label, "method": SEEN}


@dataclass(frozen=True)
class Products:
    """A folder of products, one for each scene.

    Parameters
    ----------
    label
        What the table calls them.
    folder
        Where they lie; called like the scenes, or numbered like them.
    scale
        Multiplies their numbers.
    """

    label: str
    folder: str
    scale: float = 1.0
    names: tuple[str, ...] = field(default=(), repr=False)  # of all scenes, in their order

    @cached_property
    def files(self) -> dict[str, Path]:
        """Scene to its product."""
        return matched(self.folder, self.names)

    def ready(self, entry: Entry) -> None:
        """Nothing: they are made."""
        return

    def path(self, name: str) -> Path:
        """The product of a scene.

        Raises
        ------
        FileError
            If there is none.
        """
        if name not in self.files:
            raise FileError(
                f"no product of {name} in {self.folder}", "a file called like the scene",
                f"scenes are called {', '.join(self.names[:3])}",
            )  # fmt: skip
        return self.files[name]

    def fingerprint(self, entry: Entry, method: Method | None) -> str:
        """By its bytes."""
        return f"{digest(self.path(entry.name))} {self.scale:g}"

    def product(self, entry: Entry, method: Method | None) -> Float[np.ndarray, "band y x"]:
        """The product of a scene.

        Raises
        ------
        InputError
            If it seems divided by its maximum.
        """
        path = self.path(entry.name)
        with open_image(path) as image:
            data, valid = image.north_up().read()
        data = np.where(valid, data.astype(np.float64) * self.scale, np.nan)
        top, wanted = float(data[:, valid].max(initial=0)), entry.peak
        if 0 < top <= UNIT and wanted > LARGE:
            raise InputError(
                f"{path.name} reaches {top:g}", f"numbers of the scene, up to {wanted:g}",
                f"`products_scale={wanted:g}` if it was divided by that",
            )  # fmt: skip
        return data

    def about(self) -> dict[str, Any]:
        """For a manifest."""
        listed = [{"name": one.name, "sha256": digest(one)} for one in self.files.values()]
        return {"label": self.label, "folder": self.folder, "scale": self.scale, "files": listed}


Entrant = Contestant | Products


def contestant(label: str, problem: str) -> Contestant:
    """A method, or what was seen, by its label.

    Raises
    ------
    InputError
        For ``as_seen`` of a problem whose product is another image than any that was seen.
    """
    if label != SEEN:
        return Contestant(label, problem)
    if problem not in AS_SEEN:
        raise InputError(f"{SEEN} for {problem}", "methods by name", "the row of no fusion is a method there")
    return AsSeen(label, problem)


def entrants_of(
    methods: Sequence[str] | str, products: Mapping[str, str | Path] | Sequence[str | Path], problem: str,
    scenes: Sequence[str], scale: float = 1.0,
) -> list[Entrant]:  # fmt: skip
    """Methods and folders of products, each once, for scenes of these names; see :func:`require_methods`."""
    own: list[Entrant] = [contestant(label, problem) for label in _labels(methods)]
    return own + [Products(label, folder, scale, tuple(scenes)) for label, folder in _folders(products)]


def require_methods(
    methods: Sequence[str] | str, products: Mapping[str, str | Path] | Sequence[str | Path], problem: str
) -> None:  # fmt: skip
    """Refuse names and fields that are none, before anything is read.

    Raises
    ------
    InputError
        If nothing is to be judged, two have one name, or a folder is none.
    MethodError
        For an unknown method or field.
    """
    labels, folders = _labels(methods), _folders(products)
    for label in labels:
        one = contestant(label, problem)
        if one.name not in (AUTO, SEEN):
            one.make()
        elif one.name == AUTO and not problems.find(problem).sharpens:
            raise InputError(f"auto for {problem}", "methods by name", "auto judges one sharp and one coarse view")
    for label, folder in folders:
        if not Path(folder).is_dir():
            raise FileError(f"{folder} ({label}) is no folder", "one with a product for each scene")
    named = [*labels, *(label for label, _ in folders)]
    if not named:
        raise InputError("nothing to judge", "`methods` or `products`", "such as gsa,mtf_glp_hpm")
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice:
        raise InputError(f"two called {twice}", "a name for each", "NAME=FOLDER names products")


def _labels(methods: Sequence[str] | str) -> list[str]:
    """The methods as they were typed, each once."""
    words = [methods] if isinstance(methods, str) else list(methods)
    return list(dict.fromkeys(one.strip() for word in words for one in str(word).split(",") if one.strip()))


def _folders(products: Mapping[str, str | Path] | Sequence[str | Path]) -> list[tuple[str, str]]:
    """Name and folder; the name is that of the folder where none is told."""
    if isinstance(products, Mapping):
        return [(str(label), str(folder)) for label, folder in products.items()]
    found = []
    for one in [products] if isinstance(products, (str, Path)) else products:
        label, told, folder = str(one).partition("=")
        found.append((label, folder) if told else (Path(str(one)).resolve().name, str(one)))
    return found


def spelt(name: str) -> str:
    """The name of a scene as a file may be called."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def matched(folder: str, names: Sequence[str]) -> dict[str, Path]:
    """Scene to its product: the file of its name; else, where all are numbered alike, the one of its number."""
    files = [path for path in sorted(Path(folder).iterdir()) if path.is_file() and is_image(path)]
    by_name = {spelt(path.stem): path for path in files}
    found = {name: by_name[spelt(name)] for name in names if spelt(name) in by_name}
    if found:
        return found
    numbers = [[int(one) for one in re.findall(r"\d+", path.stem)[-1:]] for path in files]
    if not all(numbers) or not len({one[0] for one in numbers}) == len(files) == len(names):
        return {}
    return {name: path for name, (_, path) in zip(names, sorted(zip(numbers, files, strict=True)), strict=True)}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    """A value of a field for JSON."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
