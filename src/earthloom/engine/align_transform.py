"""A fitted alignment as a file: fitted once to pairs of images, applied to any later image of the source sensor.

The file is JSON: both sensors' bands, the mapping in physical units, how the target stores its numbers, dates, how well
it fitted, and a checksum over all of it. A file that was edited by hand is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.align import Pairing, choose, for_sensors, told_pair
from earthloom.engine.align_files import Opened, Style, open_one, pair_scene, refuse_outputs, tags_of, write
from earthloom.engine.align_pairs import Pairs, pairs_of
from earthloom.engine.fuse import halo_px, observe, tile_for
from earthloom.engine.levels import levels_of, require_levels
from earthloom.engine.predict import run_options
from earthloom.engine.predict_files import require_geotiff
from earthloom.engine.runner import in_order, plan
from earthloom.engine.verbs import Options
from earthloom.errors import FileError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.aligning import Aligner, Solved
from earthloom.methods.base import Method
from earthloom.methods.catalog import name_of
from earthloom.methods.mapping import Mapping as Bandpass
from earthloom.ops.moments import Stats
from earthloom.problems import catalog as problems
from earthloom.problems.bandpass import nearest
from earthloom.raster import landsat, safe
from earthloom.raster.layouts import RASTERS
from earthloom.raster.matched import MatchedScene
from earthloom.raster.write import require_place
from earthloom.sensors import load
from earthloom.types import Band

FORMAT, VERSION = "earthloom-transform", 1


@dataclass(frozen=True)
class Transform:
    """A fitted alignment.

    Parameters
    ----------
    method, parameters
        Name in the catalogue, and its fields.
    sensors
        Names of source and target.
    source, target
        Their bands.
    mapping
        From the source's physical units to the target's.
    storage
        How the target stores its numbers: ``dtype``, ``scale``, ``offset``.
    quality
        How well it fitted: before and after, for each band.
    dates
        Days of the pairs, where known.
    created
        When it was fitted.
    """

    method: str
    parameters: Mapping[str, Any]
    sensors: tuple[str, str]
    source: tuple[Band, ...]
    target: tuple[Band, ...]
    mapping: Bandpass
    storage: Mapping[str, Any]
    quality: Mapping[str, Any]
    dates: tuple[str, ...] = ()
    created: str = ""

    @property
    def ready(self) -> Solved:
        """As a method that measures nothing any more."""
        own = {name: value for name, value in self.parameters.items() if value is not None}
        made = catalog.make(self.method, "bandpass", **own)
        assert isinstance(made, Aligner)
        return Solved(made, self.mapping)

    def apply(self, source: Any, output: str | Path | None = None, *, force: bool = False, **more: Any) -> Any:
        """Align an image: a path to a file (``output``), or an array in physical units to an array of its kind.

        Parameters
        ----------
        source
            Image of the source sensor, with the bands that the transform was fitted to, in any order where named.
        output
            For files: the COG to write.
        force
            Also align an image that was aligned before.
        **more
            ``source_scale``, ``source_nodata`` and so on, and how to run, as for :func:`earthloom.align`.

        Raises
        ------
        EarthloomError
            If the image is of another sensor, or its numbers cannot be what they are taken for.
        """
        pairing, rest = told_pair(more, self.sensors[0], self.sensors[1], force)
        options, other = run_options(rest)
        if other:
            raise InputError(f"{', '.join(other)} for a fitted transform", "what it was not fitted with")
        if arrays.is_path(source):
            if output is None:
                raise InputError("a file without output=", "the name of a GeoTIFF to write")
            return apply_file(self, source, output, pairing, options)
        taken = arrays.take(source, "source")
        if len(taken.data) != len(self.source):
            raise InputError(f"an image of {len(taken.data)} bands", f"the {len(self.source)} of the transform")
        valid = taken.valid(pairing.source.nodata)
        code = taken.nodata if pairing.source.nodata is None else pairing.source.nodata
        scale, offset = pairing.source.scale or 1.0, pairing.source.offset or 0.0
        ones, none = np.ones(len(self.source)), np.zeros(len(self.source))
        inside = self.mapping.between(
            (ones * scale, np.ones(len(self.target))), (none + offset, np.zeros(len(self.target)))
        )
        kind = arrays.dtype_of(options.dtype) if options.dtype else None
        made = inside(taken.data, valid, kind, code if kind is not None and kind.kind != "f" else None)
        return taken.back(made, self.target, taken.attrs)

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write the file.

        Raises
        ------
        FileError
            If it exists, or cannot be written.
        """
        path = Path(path)
        require_place(path, overwrite)
        plain = self.as_dict()
        draft = path.with_name(f".{path.name}.part")
        try:
            draft.write_text(json.dumps({**plain, "checksum": checksum(plain)}, indent=1) + "\n", encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise FileError(f"{path} cannot be written: {error.strerror}", hint="is the disk full?") from error
        return path

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": FORMAT, "version": VERSION, "method": self.method, "parameters": dict(self.parameters),
            "source": {"sensor": self.sensors[0], "bands": [_plain(band) for band in self.source]},
            "target": {"sensor": self.sensors[1], "bands": [_plain(band) for band in self.target], **self.storage},
            "dates": list(self.dates), "created": self.created, "quality": dict(self.quality),
            "mapping": self.mapping.as_dict(),
        }  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Transform:
        """Read a file.

        Raises
        ------
        FileError
            If it is none, of a later version, or was changed after it was written.
        """
        path = Path(path)
        try:
            plain = json.loads(path.read_text("utf-8"))
        except OSError as wrong:
            raise FileError(f"{path} cannot be read: {wrong.strerror}", hint="check the path") from wrong
        except ValueError as wrong:
            raise FileError(f"{path} is no JSON: {wrong}", "a file that `earthloom align fit` wrote") from wrong
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise FileError(f"{path.name} is no transform", "a file that `earthloom align fit` wrote")
        if plain.get("version") != VERSION:
            raise FileError(f"{path.name} of version {plain.get('version')}", f"version {VERSION}", "fit it anew")
        if plain.pop("checksum", None) != checksum(plain):
            raise FileError(
                f"{path.name} was changed after it was written: its checksum does not fit", "it as it was written",
                "fit it anew; lines of your own are better written as a method",
            )  # fmt: skip
        try:
            source, target = plain["source"], plain["target"]
            bands = [tuple(Band(**band) for band in one["bands"]) for one in (source, target)]
            storage = {name: target[name] for name in ("dtype", "scale", "offset")}
            return cls(
                plain["method"], plain["parameters"], (source["sensor"], target["sensor"]), bands[0], bands[1],
                Bandpass.of(plain["mapping"]), storage, plain["quality"], tuple(plain["dates"]), plain["created"],
            )  # fmt: skip
        except (KeyError, TypeError) as wrong:
            raise FileError(f"{path.name} lacks {wrong}", "a file that `earthloom align fit` wrote") from wrong


def checksum(plain: Mapping[str, Any]) -> str:
    """SHA-256 of plain data, whatever the order and the spacing."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(band: Band) -> dict[str, Any]:
    """A band for JSON."""
    return {"name": band.name, "centre_nm": band.centre_nm, "fwhm_nm": band.fwhm_nm, "mtf_nyquist": band.mtf_nyquist}


def fit_alignment(
    sources: Any,
    targets: Any,
    *,
    source_sensor: Any = None,
    target_sensor: Any = None,
    method: str | Method | None = None,
    source_masks: Sequence[Any] | None = None,
    target_masks: Sequence[Any] | None = None,
    **more: Any,
) -> Transform:
    """Fit a transform to pairs of images of two sensors; files on any grids.

    Parameters
    ----------
    sources, targets
        A path each, or as many of each, in pairs.
    source_sensor, target_sensor, method
        As for :func:`earthloom.align`; a method that is solved from statistics.
    source_masks, target_masks
        Clouds, one for each image; None for those without.
    **more
        As for :func:`earthloom.align`.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.
    """
    pairing, rest = told_pair(more, source_sensor, target_sensor, False)
    options, own = run_options(rest)
    return fit_files(
        listed(sources), listed(targets), (source_masks, target_masks), choose(method, own, True), pairing, options
    )  # fmt: skip


def listed(value: Any) -> list[Any]:
    """One image, several, or those of a folder that is no scene itself, in the order of their names."""
    if isinstance(value, (str, Path)):
        folder = Path(value)
        if folder.is_dir() and not landsat.is_landsat_folder(folder) and not safe.is_folder(folder):
            return sorted(p for p in folder.iterdir() if p.suffix.lower() in RASTERS)
        return [value]
    if not arrays.is_path(value):
        raise InputError(
            f"images to fit to of type {type(value).__name__}", "paths", "align(..., target=) takes arrays"
        )
    return list(value)


def fit_files(
    sources: Sequence[Any],
    targets: Sequence[Any],
    masks: tuple[Sequence[Any] | None, Sequence[Any] | None],
    method: Method,
    pairing: Pairing,
    options: Options,
) -> Transform:
    """See :func:`fit_alignment`."""
    if not sources:
        raise InputError("no source image", "at least one", "check the folder")
    for what, given in (("targets", targets), ("source masks", masks[0]), ("target masks", masks[1])):
        if given is not None and len(given) != len(sources):
            raise InputError(f"{len(sources)} sources and {len(given)} {what}", "as many", "they belong in pairs")
    if not isinstance(method, Aligner):
        raise MethodError(f"{method.card.name}, a network, to fit", "a method that is solved from statistics",
                          "networks are trained: `earthloom train`")  # fmt: skip
    if not method.fits:
        raise MethodError(f"{method.card.name}, which is not fitted", "a method that is, such as cross_linear")
    with ExitStack() as stack:
        scenes, opened = [], list[tuple[Opened, Opened]]()
        for k, (source, target) in enumerate(zip(sources, targets, strict=True)):
            own = [None if one is None else one[k] for one in masks]
            seen = open_one(source, "source", own[0], pairing.source, False, stack)
            other = open_one(target, "target", own[1], pairing.target, True, stack)
            told = pairing.source.scale is not None or pairing.source.offset is not None
            require_levels(levels_of(seen.image, "source"), seen.image, "source", seen.sensor.name, told)
            opened.append((seen, other))
            scenes.append(pair_scene(seen, other, other.sensor, pairing, options))
        _require_alike(opened)
        seen, other = opened[0]
        made = for_sensors(method, seen.sensor, other.sensor)
        assert isinstance(made, Aligner)
        for scene in scenes:
            made.check(scene.empty(), scene.shape)
        stats = gathered(made, scenes, options)
        solved = Solved(made, made.solve(stats, seen.bands, other.bands))
        titles = (seen.sensor.title, other.sensor.title)
        pairs = [pairs_of(solved, scene, titles) for scene in scenes]
        three = [np.concatenate([getattr(p, name) for p in pairs], axis=1) for name in ("before", "after", "target")]
        joined = Pairs(three[0], three[1], three[2], pairs[0].bands, titles, pairs[0].method, pairs[0].curves)
        if options.measured is not None:
            options.measured({"pairs": joined})
        return _transform(solved, seen, other, joined, [pair[0].image.acquired for pair in opened])


def _require_alike(opened: Sequence[tuple[Opened, Opened]]) -> None:
    """Refuse pairs of different sensors or bands."""
    first = opened[0]
    for pair in opened[1:]:
        for role, one, other in zip(("source", "target"), first, pair, strict=True):
            if one.sensor.name != other.sensor.name or one.bands != other.bands:
                raise InputError(
                    f"{role} images {one.image.name} and {other.image.name} of other sensors or bands", "one sensor"
                )  # fmt: skip


def gathered(method: Aligner, scenes: Sequence[MatchedScene], options: Options) -> Stats:
    """Statistics of several scenes as if they were one."""
    problem, stats = problems.find(method.card.problem), None
    for turn in range(method.rounds):
        so_far, merged = stats, None
        for scene in scenes:
            halo = halo_px(method, scene.empty())
            tiles = plan(scene.shape, options.tile_px or tile_for(method, scene, options.workers))

            def gather(tile: Any, scene: Any = scene, halo: int = halo, so_far: Any = so_far) -> Stats | None:
                obs = observe(scene, tile, halo, problem)
                return None if obs is None else method.summarise(obs, so_far)

            for done, part in enumerate(in_order(gather, tiles, options.workers), 1):
                if part is not None:
                    merged = part if merged is None else merged + part
                options.progress(f"measuring {turn + 1}/{method.rounds}", done, len(tiles))
        if merged is None:
            raise InputError("no valid pixel in the overlap of the inputs", "", "check nodata and masks")
        stats = merged
    return stats if stats is not None else Stats()


def _transform(solved: Solved, seen: Opened, other: Opened, pairs: Pairs, days: Sequence[Any]) -> Transform:
    """What is kept."""
    before, after = pairs.rmse_percent()
    error = pairs.after - pairs.target
    quality = {
        "pixels": int(pairs.target.shape[1]), "before_percent": round(before, 4), "after_percent": round(after, 4),
        "rmse": [float(f"{v:.6g}") for v in np.sqrt((error**2).mean(axis=1))],
        "bias": [float(f"{v:.6g}") for v in error.mean(axis=1)],
    }  # fmt: skip
    image = other.image
    storage = {"dtype": image.dtype.name, "scale": image.scales[0], "offset": image.offsets[0]}
    parameters = {name: value for name, value in solved.parameters.items() if name != "mapping"}
    return Transform(
        name_of(solved), json.loads(json.dumps(parameters)), (seen.sensor.name, other.sensor.name), seen.bands,
        other.bands, solved.mapping, storage, quality, tuple(sorted({str(day) for day in days if day is not None})),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def apply_file(transform: Transform, source: Any, output: str | Path, pairing: Pairing, options: Options) -> Path:
    """Align a file by a transform.

    Raises
    ------
    InputError
        If it is of another sensor, or lacks a band.
    """
    path = Path(output)
    require_geotiff(path)
    with ExitStack() as stack:
        seen = open_one(source, "source", None, pairing.source, pairing.force, stack)
        own = seen.image.sensor
        if own is not None and load(own).name != transform.sensors[0]:
            raise InputError(f"{seen.image.name} of {own}", f"an image of {transform.sensors[0]}",
                             "the transform was fitted to that sensor")  # fmt: skip
        told = pairing.source.scale is not None or pairing.source.offset is not None
        require_levels(levels_of(seen.image, "source"), seen.image, "source", seen.sensor.name, told)
        refuse_outputs(path, [seen])
        order = nearest(seen.bands, transform.source)
        if len(seen.bands) != len(transform.source) or order != list(range(len(order))):
            raise InputError(
                f"{seen.image.name} with bands {', '.join(band.name for band in seen.bands)}",
                f"{', '.join(band.name for band in transform.source)}, as the transform was fitted to",
                "--source-bands picks and orders them",
            )  # fmt: skip
        storage = transform.storage
        dtype = arrays.dtype_of(options.dtype or storage["dtype"])
        style = Style.like(seen.image, dtype, None, seen.image, options)
        style = Style(dtype, (storage["scale"],), (storage["offset"],), style.nodata)
        solved = transform.ready
        scene = MatchedScene(seen.image, None, seen.bands, transform.target)
        tags = tags_of(seen, None, load(transform.sensors[1]), solved)
        tags["EARTHLOOM_TRANSFORM"] = checksum(transform.as_dict())
        write(path, scene, solved, style, options, tags)
    return path
