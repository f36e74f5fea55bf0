"""What two folders of products differ in: numbers and layout (a difference), provenance and words (only listed)."""

from __future__ import annotations

import json
import math
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

PREFIX = "EARTHLOOM_"
ADDED = ("fwhm", "FWHM_UM", "_FillValue", "wavelength", "AREA_OR_POINT")  # what products did not say before
CHANGING = (
    "created",
    "updated",
    "version",
    "seconds",
    "checksum",
    f"{PREFIX}CREATED",
    f"{PREFIX}VERSION",
    f"{PREFIX}TRANSFORM",  # a checksum over the time too
)  # with the time or the release
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*?(?=[\"\s,]|$)")
SECONDS = re.compile(r"\b\d+(\.\d+)? ?(s|min|ms)\b")


@dataclass
class Found:
    """What differs in a case."""

    differs: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def require(self, what: str, old: Any, new: Any) -> None:
        """A difference unless two values are one."""
        if not _equal(old, new):
            self.differs.append(f"{what}: {_brief(old)} became {_brief(new)}")


def compare(old: Path, new: Path, prints: str) -> Found:
    """Compare the folders of one case."""
    found = Found()
    ends = [json.loads((folder / "result.json").read_text()) for folder in (old, new)]
    codes = [end["codes"] for end in ends]
    refused = [any(code) for code in codes]
    if refused[0] != refused[1] or len(codes[0]) != len(codes[1]):
        said = [end["err"][-1].strip().splitlines()[-1:] for end in ends]
        found.differs.append(f"refused: {refused[0]} became {refused[1]} ({_brief(said[0])} became {_brief(said[1])})")
        return found
    if codes[0] != codes[1]:
        found.words.append(f"exit codes: {codes[0]} became {codes[1]}")
    found.require("inputs that were written", ends[0].get("inputs_changed"), ends[1].get("inputs_changed"))
    _printed(ends, prints and not refused[0], prints, found)
    files = [
        {str(p.relative_to(f / "products")) for p in (f / "products").rglob("*") if p.is_file()} for f in (old, new)
    ]
    found.require("files", sorted(files[0] - files[1]), sorted(files[1] - files[0]))
    for name in sorted(files[0] & files[1]):
        _file(name, old / "products" / name, new / "products" / name, found)
    return found


def _printed(ends: list[dict[str, Any]], product: Any, prints: str, found: Found) -> None:
    """What was printed: a product of `evaluate` and `demo`, words elsewhere."""
    first, second = (end["out"][-1] for end in ends)
    if product and prints == "json":
        _tree("printed", json.loads(first), json.loads(second), found)
    elif product:
        found.require("printed", SECONDS.sub("_", first), SECONDS.sub("_", second))
    lines = [
        [SECONDS.sub("_", line) for end in (e,) for text in end["err"] for line in text.splitlines()] for e in ends
    ]
    if not product:
        lines = [[*SECONDS.sub("_", e["out"][-1]).splitlines(), *said] for e, said in zip(ends, lines, strict=True)]
    gone, come = ([line for line in a if line not in b] for a, b in (lines, lines[::-1]))
    for at in range(max(len(gone), len(come))):
        pair = [_brief(said[at]) if at < len(said) else "nothing" for said in (gone, come)]
        found.words.append(f"{pair[0]} became {pair[1]}")


def _file(name: str, old: Path, new: Path, found: Found) -> None:
    """One file by its kind."""
    if old.read_bytes() == new.read_bytes():
        return
    suffix = Path(name).suffix
    if suffix == ".tif":
        _raster(name, old, new, found)
    elif suffix == ".npz":
        with np.load(old) as first, np.load(new) as second:
            found.require(f"{name}: arrays", sorted(first.files), sorted(second.files))
            for key in sorted(set(first.files) & set(second.files)):
                _numbers(f"{name}: {key}", first[key], second[key], found)
    elif suffix in (".json", ".geojson"):
        _tree(name, *(json.loads(path.read_text()) for path in (old, new)), found=found)
    elif suffix == ".mat":
        _matlab(name, old, new, found)
    elif suffix == ".png":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(old) as first, rasterio.open(new) as second:
                _numbers(name, first.read(), second.read(), found)
    else:
        texts = [WHEN.sub("_", path.read_bytes().decode("latin-1")) for path in (old, new)]
        if SECONDS.sub("_", texts[0]) != SECONDS.sub("_", texts[1]):
            found.differs.append(f"{name}: other bytes")


def _raster(name: str, old: Path, new: Path, found: Found) -> None:
    """Pixels, overviews, layout, descriptions and tags of two GeoTIFFs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(old) as first, rasterio.open(new) as second:
            profile = [{**file.profile, "crs": file.crs and file.crs.to_wkt()} for file in (first, second)]
            _tree(f"{name}: profile", profile[0], profile[1], found)
            for what in (
                "scales",
                "offsets",
                "descriptions",
                "units",
                "mask_flag_enums",
                "block_shapes",
            ):
                found.require(f"{name}: {what}", getattr(first, what), getattr(second, what))
            _added(f"{name}: colorinterp", _colours(first), _colours(second), found)
            for space in ("IMAGE_STRUCTURE", "GEO_METADATA", "RPC"):
                found.require(f"{name}: {space}", first.tags(ns=space), second.tags(ns=space))
            _tags(name, first.tags(), second.tags(), found)
            if first.count != second.count:
                return
            for band in first.indexes:
                for space in (None, "IMAGERY"):
                    _tags(f"{name}: band {band}", first.tags(band, ns=space), second.tags(band, ns=space), found)
                found.require(f"{name}: overviews", first.overviews(band), second.overviews(band))
            _numbers(f"{name}: pixels", first.read(), second.read(), found)
            levels = range(len(first.overviews(1))) if first.overviews(1) == second.overviews(1) else ()
        for level in levels:
            with rasterio.open(old, overview_level=level) as first, rasterio.open(new, overview_level=level) as second:
                _numbers(f"{name}: overview {level}", first.read(), second.read(), found)


def _tags(name: str, old: dict[str, str], new: dict[str, str], found: Found) -> None:
    """Tags: our provenance is listed, the rest has to be the same."""
    for key in sorted({*old, *new}):
        if key in CHANGING or old.get(key) == new.get(key):
            continue
        if key.startswith(PREFIX):
            found.tags.append(f"{name}: {key}: {_brief(old.get(key))} became {_brief(new.get(key))}")
        elif key in ADDED:
            _added(f"{name}: tag {key}", old.get(key), new.get(key), found)
        else:
            found.require(f"{name}: tag {key}", old.get(key), new.get(key))


def _colours(file: Any) -> tuple[str, ...] | None:
    """What the bands are shown as; None where nothing is said."""
    kinds = tuple(kind.name for kind in file.colorinterp)
    return None if set(kinds) <= {"gray", "undefined"} else kinds


def _added(name: str, old: Any, new: Any, found: Found) -> None:
    """What the old product does not say: the new one may, and it is listed."""
    if old is None and new is not None:
        found.tags.append(f"{name}: {_brief(new)} was added")
    else:
        found.require(name, old, new)


def _matlab(name: str, old: Path, new: Path, found: Found) -> None:
    """Variables of two MATLAB files; texts that are our provenance are listed."""
    from scipy.io import loadmat

    first, second = (loadmat(path) for path in (old, new))
    for key in sorted({*first, *second} - {"__header__", "__version__", "__globals__"}):
        a, b = first.get(key), second.get(key)
        if a is None or b is None:
            found.require(f"{name}: variable {key}", a is not None, b is not None)
        elif a.dtype.kind in "biufc":
            _numbers(f"{name}: {key}", a, b, found)
        elif WHEN.sub("_", repr(a)) != WHEN.sub("_", repr(b)):
            found.tags.append(f"{name}: {key}: {_brief(a)} became {_brief(b)}")


def _numbers(name: str, old: np.ndarray, new: np.ndarray, found: Found) -> None:
    """Two arrays bit by bit; any NaN equals any other."""
    if old.dtype != new.dtype or old.shape != new.shape:
        found.require(f"{name}: dtype and shape", [str(old.dtype), old.shape], [str(new.dtype), new.shape])
        return
    if old.dtype.kind not in "biufc":
        found.require(name, old.tolist(), new.tolist())
        return
    other = old != new
    if old.dtype.kind in "fc":
        other &= ~(np.isnan(old) & np.isnan(new))
        other |= (np.signbit(old.real) != np.signbit(new.real)) & (old == 0) & (new == 0)
    if not other.any():
        return
    with np.errstate(all="ignore"):
        apart = np.abs(old[other].astype(float) - new[other].astype(float))
    most = float(np.nanmax(apart)) if np.isfinite(apart).any() else math.nan
    missing = int(np.isnan(apart).sum())
    nan = f", {missing} of them NaN on one side" if missing else ""
    found.differs.append(f"{name}: {int(other.sum()):,} of {other.size:,} differ, at most by {most:.6g}{nan}")


def _tree(name: str, old: Any, new: Any, found: Found) -> None:
    """Plain data, without what changes with the time; our provenance is listed."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*map(str, old), *map(str, new)}):
            if key.rpartition(":")[2] in CHANGING or key in CHANGING:
                continue
            if key.upper().startswith(PREFIX.rstrip("_")):
                if old.get(key) != new.get(key):
                    found.tags.append(f"{name}: {key}: {_brief(old.get(key))} became {_brief(new.get(key))}")
            elif key in ADDED and key not in old:
                _added(f"{name}: {key}", None, new[key], found)
            elif (key in old) != (key in new):
                found.require(f"{name}: {key}", old.get(key, "absent"), new.get(key, "absent"))
            else:
                _tree(f"{name}: {key}", old.get(key), new.get(key), found)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (a, b) in enumerate(zip(old, new, strict=True)):
            _tree(f"{name}: {at}", a, b, found)
    else:
        found.require(name, old, new)


def _equal(old: Any, new: Any) -> bool:
    """Equal, NaN too, times left out."""
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    if isinstance(old, str) and isinstance(new, str):
        return WHEN.sub("_", old) == WHEN.sub("_", new)
    return bool(old == new)


def _brief(value: Any) -> str:
    """A value on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:297]}..."
