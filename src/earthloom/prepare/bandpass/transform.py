"""A fitted transform: everything needed to bring any scene of one sensor to another, in one portable file.

The file is JSON: format and version, the method and its fields, both sensors with their bands, scale, offset and
nodata, when and on what it was fitted and how well it did on held-out blocks, and the mapping itself; networks lie
beside it as safetensors, named by their checksum. A checksum over all of it tells a file that was edited by hand.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.atomic import drafted, unwritable
from earthloom.documents import field as told_field
from earthloom.documents import numbers, objects, parsed
from earthloom.errors import FileError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.families.aligning import Aligner, Solved
from earthloom.methods.families.mapping import Mapping
from earthloom.notebook import Table, Tabular
from earthloom.ops.moments import Stats
from earthloom.ops.quantise import quantise
from earthloom.problems.bandpass import bands_alone
from earthloom.small import small_bytes
from earthloom.types import Band, Bool, Float, Observation, Shaped, View
from earthloom.weights import store as weights

FORMAT, VERSION = "earthloom transform", 1
FACTOR = 30.0  # by so much no other scene is brighter or darker: the numbers mean something else


@dataclass(frozen=True)
class Side:
    """One of the two sensors.

    Parameters
    ----------
    bands
        In the order of the image.
    sensor
        Its name, where known.
    scale, offset
        Physical units are ``scale * number + offset``; one for all bands or one each.
    nodata
        Code of missing pixels.
    """

    bands: tuple[Band, ...]
    sensor: str | None = None
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    nodata: float | None = None

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            value = getattr(self, name)
            value = (float(value),) if isinstance(value, (int, float)) else tuple(float(v) for v in value)
            if len(value) not in (1, len(self.bands)) or not all(map(math.isfinite, value)):
                raise InputError(f"{name} {value} for {len(self.bands)} bands", "one number, or one for each band")
            object.__setattr__(self, name, value)
        if 0 in self.scale:
            raise InputError("a scale of 0", "another number")

    @property
    def gains(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and offset of every band."""
        count = len(self.bands)
        return np.broadcast_to(self.scale, count).astype(float), np.broadcast_to(self.offset, count).astype(float)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "bands": [asdict(band) for band in self.bands]}

    @classmethod
    def of(cls, told: Dictionary[str, Any]) -> Side:
        """From plain data."""
        bands = tuple(
            Band(
                told_field(band, "name", str, "a band"),
                told_field(band, "centre_nm", float, "a band", optional=True),
                told_field(band, "fwhm_nm", float, "a band", optional=True),
                told_field(band, "mtf_nyquist", float, "a band"),
            )
            for band in objects(told, "bands", "a side")
        )
        if not bands:
            raise InputError("a side without bands", "one band or more")
        scale, offset = (tuple(numbers(told, name, "a side").tolist()) for name in ("scale", "offset"))
        sensor = told_field(told, "sensor", str, "a side", optional=True)
        return cls(bands, sensor, scale, offset, told_field(told, "nodata", float, "a side", optional=True))


@dataclass(frozen=True, eq=False)
class Transform(Tabular):
    """An alignment from one sensor to another, ready for any scene.

    Parameters
    ----------
    aligner
        The method with all it has learnt: solved, or a network with its weights.
    source, target
        Both sensors.
    quality
        Figures on held-out blocks, and those of doing nothing.
    fitted
        When, on what, on how many pixels.
    """

    aligner: Method
    source: Side
    target: Side
    quality: Dictionary[str, Any] = field(default_factory=dict)
    fitted: Dictionary[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """Name in the catalogue."""
        return catalog.name_of(self.aligner)

    @property
    def mapping(self) -> Mapping | None:
        """What is done to each pixel, where that does not depend on the scene."""
        return self.aligner.mapping if isinstance(self.aligner, Solved) else None

    def observe(
        self, image: Shaped[np.ndarray, "band y x"], valid: Bool[np.ndarray, "y x"] | None = None
    ) -> Observation:
        """An image in physical units as an observation for the aligner."""
        if len(image) != len(self.source.bands):
            names = ", ".join(band.name for band in self.source.bands)
            raise InputError(f"an image of {len(image)} bands", f"{len(self.source.bands)}: {names}", "in this order")
        seen = np.ones(image.shape[1:], bool) if valid is None else valid
        data = image if image.dtype.kind == "f" else image.astype(np.float32)
        views = {"source": View(data, seen, self.source.bands), "target": bands_alone(self.target.bands, data.dtype)}
        return Observation(views, (image.shape[1], image.shape[2]))

    def apply(
        self,
        image: Shaped[np.ndarray, "band y x"],
        valid: Bool[np.ndarray, "y x"] | None = None,
        dtype: Any = None,
    ) -> Shaped[np.ndarray, "band y x"]:
        """Align a whole image in memory.

        Integers are stored numbers of the source: they become stored numbers of the target (or, with a floating
        ``dtype``, physical units). Floating point is taken as physical units, and given so.

        Parameters
        ----------
        image
            Bands in the order of ``source.bands``.
        valid
            Where there is a measurement; None: where no band is nodata or NaN. Elsewhere nodata (or NaN) comes out.
        dtype
            Of the result; None: that of the image.
        """
        kind = np.dtype(image.dtype if dtype is None else dtype)
        stored = image.dtype.kind != "f"
        if valid is None:
            valid = _measured(image, self.source.nodata if stored else None)
        if len(image) != len(self.source.bands):
            self.observe(image, valid)  # says what is wrong
        (scale, offset), (gain, shift) = self.source.gains, self.target.gains
        self._require_seen(image, valid, (scale, offset) if stored else None)
        if kind.kind == "f":
            gain, shift = np.ones_like(gain), np.zeros_like(shift)
        elif not stored:
            raise InputError(f"physical units to be stored as {kind}", "stored numbers in, or floating point out")
        if self.mapping is not None:
            ready = self.mapping.between((scale, gain), (offset, shift)) if stored else self.mapping
            return ready(image, valid, kind, None if kind.kind == "f" else self._code(kind))
        physical = image * scale.astype("f4")[:, None, None] + offset.astype("f4")[:, None, None] if stored else image
        found = self._whole(self.observe(np.where(valid, physical, 0).astype(_float(image)), valid))
        if kind.kind == "f":
            return np.where(valid, found, np.nan).astype(kind)

        return quantise(found, valid, kind, nodata=self._code(kind), scales=list(gain), offsets=list(shift))

    def _require_seen(self, image: np.ndarray, valid: np.ndarray, gains: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Look at every n-th pixel."""
        step = tuple(slice(None, None, max(size // 256, 1)) for size in valid.shape)
        some = image[:, *step][:, valid[step]].astype(np.float64)
        if some.size:
            top = np.percentile(some, 99, axis=1)
            self.require_range(top if gains is None else gains[0] * top + gains[1])

    def require_range(self, top: Float[np.ndarray, " band"], called: str = "the image", scale: float = 1.0) -> None:
        """Refuse numbers of another unit than those that it was fitted to.

        Parameters
        ----------
        top
            The brightest number (99 %) of every band, in physical units.
        called
            Name of the image.
        scale
            That led to them.

        Raises
        ------
        InputError
            If they are larger or smaller by more than a scene can make it.
        """
        known = self.fitted.get("source_top")
        if known is None or len(known) != len(top) or min(known) <= 0 or not (top > 0).all():
            return
        apart = float(np.median(top / np.array(known)))
        if not 1 / FACTOR < apart < FACTOR:
            fits = scale / 10 ** round(math.log10(apart))
            raise InputError(
                f"{called}: numbers up to {top.max():.4g} for a transform fitted to numbers up to {max(known):.4g}",
                "the same unit", f"`source_scale={fits:g}` if a scale is lost or told twice",
            )  # fmt: skip

    def _code(self, kind: np.dtype) -> float | None:
        """Nodata of the product: the target's, or that of the source."""
        return self.target.nodata if self.target.nodata is not None else self.source.nodata

    def _whole(self, obs: Observation) -> np.ndarray:
        """The aligner's two passes over one image."""
        self.aligner.check(obs, obs.shape)
        stats: Stats | None = None
        for _ in range(self.aligner.rounds):
            stats = self.aligner.summarise(obs, stats)
        return self.aligner.fuse(obs, stats if stats is not None else Stats())

    def as_dict(self) -> dict[str, Any]:
        """Everything but the weights of a network, as plain data."""
        inner = getattr(self.aligner, "inner", self.aligner)
        told: dict[str, Any] = {
            "format": FORMAT, "version": VERSION, "method": self.method,
            "fields": {k: v for k, v in inner.parameters.items() if k != "weights"},
            "source": self.source.as_dict(), "target": self.target.as_dict(), "fitted": dict(self.fitted),
            "quality": dict(self.quality),
        }  # fmt: skip
        if self.mapping is not None:
            told["mapping"] = self.mapping.as_dict()
        return told

    def save(self, path: str | Path) -> Path:
        """Write the transform; a network's weights go beside it under the same name.

        Raises
        ------
        FileError
            If it cannot be written; what stood there before stays.
        """
        path, told = Path(path), self.as_dict()
        weighty = self.mapping is None
        if weighty and not hasattr(self.aligner, "save"):
            raise MethodError(f"{self.method} as a file", "a method with weights of its own, or a mapping")
        own = path.with_suffix(weights.SUFFIX)
        with unwritable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with drafted(path) as draft, drafted(own) if weighty else nullcontext(own) as heavy:  # both, then both names
            if weighty:
                self.aligner.save(heavy)  # type: ignore[attr-defined]
                told["weights"] = {"file": own.name, "sha256": hashlib.sha256(heavy.read_bytes()).hexdigest()}
            with unwritable(path):
                draft.write_text(_text(told), encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> Transform:
        """Read a transform.

        Raises
        ------
        FileError
            If it is missing, not one, of a later version, edited by hand, or its weights are others.
        """
        path = Path(path)
        told = _read(path)
        try:
            source, target = (Side.of(told_field(told, role, dict, "it")) for role in ("source", "target"))
            name, fields = (told_field(told, key, kind, "it") for key, kind in (("method", str), ("fields", dict)))
            quality, fitted = (told_field(told, key, dict, "it") for key in ("quality", "fitted"))
            if fitted.get("source_top") is not None:
                numbers(fitted, "source_top", "fitted")
            if "mapping" in told:
                mapping = Mapping.of(told_field(told, "mapping", dict, "it"))
                if mapping.sizes != (len(source.bands), len(target.bands)):
                    raise InputError(
                        "a mapping of {} to {} bands".format(*mapping.sizes), "as many as the sensors have"
                    )
                inner = catalog.make(name, "bandpass", **fields)
                if not isinstance(inner, Aligner):
                    raise InputError(f"{name} with a mapping", "a method that has one")
                aligner: Method = Solved(inner, mapping)
            else:
                aligner = _network(path, name, fields, told_field(told, "weights", dict, "it"), source, target)
            return cls(aligner, source, target, quality, fitted)
        except InputError as wrong:
            if isinstance(wrong, MethodError):
                raise
            raise FileError(f"{path.name} is no transform of this version ({wrong.given})", wrong.expected) from wrong

    def with_sides(self, source: Side | None = None, target: Side | None = None) -> Transform:
        """For images stored with another scale, offset or nodata; the bands stay."""
        new = replace(self, source=source or self.source, target=target or self.target)
        for own, other in ((self.source, new.source), (self.target, new.target)):
            if len(own.bands) != len(other.bands):
                raise InputError(f"{len(other.bands)} bands", f"the {len(own.bands)} of the transform")
        return new

    def table(self) -> Table:
        """How well it did, and what it was fitted to."""
        told = dict(self.quality) | {"fitted": dict(self.fitted)}
        return Table(("what", "value"), [(name.replace("_", " "), value) for name, value in told.items()], str(self))

    def __str__(self) -> str:
        names = [side.sensor or f"{len(side.bands)} bands" for side in (self.source, self.target)]
        known = {k: v for k, v in self.quality.items() if isinstance(v, (int, float))}
        return f"{names[0]} to {names[1]} by {self.method}" + "".join(f", {k} {v:.4g}" for k, v in known.items())


def _text(told: Dictionary[str, Any]) -> str:
    """Plain data with its checksum, as JSON."""
    try:
        whole = {**told, "checksum": checksum(told)}
        return json.dumps(whole, indent=1, sort_keys=True, allow_nan=False) + "\n"
    except ValueError as wrong:
        raise InputError(f"a transform with numbers that are not finite ({wrong})", "finite numbers") from wrong


def checksum(told: Dictionary[str, Any]) -> str:
    """SHA-256 of plain data, whatever its layout on paper."""
    kept = {key: value for key, value in told.items() if key != "checksum"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """The plain data of a file, when it is whole."""
    try:
        told = parsed(small_bytes(path))
    except FileNotFoundError as missing:
        raise FileError(f"no transform {path}", "a file that `earthloom align fit` wrote") from missing
    except UnicodeDecodeError as wrong:
        raise FileError(
            f"{path.name} is no transform", "JSON that `earthloom align fit` wrote", "is the image in its place?"
        ) from wrong
    except (OSError, ValueError) as wrong:
        raise FileError(f"{path.name} cannot be read ({wrong})", "a transform in JSON") from wrong
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise FileError(f"{path.name} is no transform", f"JSON with format '{FORMAT}'")
    if told.get("version") != VERSION:
        raise FileError(
            f"{path.name} of version {told.get('version')}", f"version {VERSION}", "a later version wrote it? update"
        )
    if told.get("checksum") != checksum(told):
        raise FileError(
            f"{path.name} was changed after it was written: its checksum is another", "the file as it was written",
            "fit it again; scale, offset and nodata of an image can be told when it is applied",
        )  # fmt: skip
    return told


def _network(
    path: Path, name: str, fields: dict[str, Any], told: Dictionary[str, str], source: Side, target: Side
) -> Method:
    """A network with the weights beside the file."""
    file = told_field(told, "file", str, "weights")
    own = path.parent / Path(file).name
    if Path(file).name != file or not own.is_file():
        raise FileError(f"no weights {own.name} beside {path.name}", "both files together", "copy them in one folder")
    if hashlib.sha256(own.read_bytes()).hexdigest() != told.get("sha256"):
        raise FileError(f"{own.name} with another checksum than {path.name} tells", "the weights it was written with")
    method = catalog.make(name, "bandpass", **{**fields, "weights": str(own)})
    return method.ready(_empty(source.bands, target.bands))


def _empty(source: Sequence[Band], target: Sequence[Band]) -> Observation:
    """Bands of both without pixels."""
    return Observation({"source": bands_alone(source), "target": bands_alone(target)}, (0, 0))


def _measured(image: np.ndarray, nodata: float | None) -> np.ndarray:
    """Where no band is missing."""
    if image.dtype.kind == "f":
        return np.asarray(np.isfinite(image).all(axis=0))
    if nodata is None:
        return np.ones(image.shape[1:], bool)
    return np.asarray((image != nodata).all(axis=0))


def _float(image: np.ndarray) -> np.dtype:
    """Floating point of enough precision."""
    return image.dtype if image.dtype.kind == "f" else np.dtype(np.float32)
