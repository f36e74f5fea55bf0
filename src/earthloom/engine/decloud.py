"""`earthloom.decloud`: clouds out of an optical image, with radar and other dates, for files and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from earthloom.engine import arrays
from earthloom.engine.fuse import fuse_array
from earthloom.engine.runner import Progress, silent
from earthloom.engine.scene import ArrayScene
from earthloom.engine.sights import SarUnits, Sights, decide_db, require_roles, sar_names, with_wavelengths
from earthloom.engine.verbs import Options, ready
from earthloom.errors import GridError, InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.methods.keep import Keeping, replaced_percent
from earthloom.physics.cloudmask import Rules, levels
from earthloom.sensors import load, match_bands
from earthloom.types import Observation

PROBLEM = "cloud_removal"


@dataclass(frozen=True)
class Clouds:
    """What is known about clouds and radar, whatever the method.

    Parameters
    ----------
    mask_values
        Numbers in the masks that mean cloud or shadow; None: all but 0.
    sar_units
        ``auto``, ``db`` or ``linear``.
    rules
        How clouds are found where no mask is given.
    replace_all
        Take the method's image at clear pixels too.
    """

    mask_values: tuple[float, ...] | None = None
    sar_units: SarUnits = "auto"
    rules: Rules = field(default_factory=Rules)
    replace_all: bool = False


def decloud(
    optical: Any,
    sar: Any = None,
    mask: Any = None,
    method: str | Method | None = None,
    dates: Sequence[Any] = (),
    *,
    date_masks: Sequence[Any] | None = None,
    mask_values: Sequence[float] | None = None,
    sar_units: SarUnits = "auto",
    replace_all: bool = False,
    sensor: Any = None,
    rules: Rules | None = None,
    output: str | Path | None = None,
    threads: int | None = None,
    tile_size: int | None = None,
    nodata: float | None = None,
    dtype: str | None = None,
    compress: str = "zstd",
    overwrite: bool = False,
    ignore_georeferencing: bool = False,
    adapt_seconds: float = 0.0,
    save_weights: str | Path | None = None,
    progress: Progress = silent,
    **fields: Any,
) -> Any:
    """Take clouds and their shadows out of an optical image.

    Parameters
    ----------
    optical
        Cloudy image: path, numpy ``(band, y, x)``, torch tensor or xarray DataArray.
    sar
        Radar backscatter, VV and VH, of the same kind. Files on another grid are resampled to that of the optical.
    mask
        Clouds and shadows to replace, one band, of the same kind; None looks for them (blue, green, red and NIR are
        needed, and their wavelengths).
    method
        Name of a method (``earthloom methods`` lists them) or a method object; None takes ``mosaic`` with other
        dates, else ``sar_regression`` with SAR, else ``inpaint``.
    dates
        Images of the same bands at other dates.
    date_masks
        Their clouds, one for each date; None looks for them.
    mask_values
        Numbers in the masks that mean cloud or shadow, such as 3, 8, 9, 10 of Sentinel-2's scene classification;
        None: all but 0.
    sar_units
        ``db``, ``linear``, or ``auto``, which looks for negative numbers.
    replace_all
        Take the method's image at clear pixels too. Otherwise they stay as they were, bit by bit.
    sensor
        Name of the optical sensor or path of a sensor file: says which band is which.
    rules
        Thresholds by which clouds are found.
    output, threads, tile_size, nodata, dtype, compress, overwrite, ignore_georeferencing, progress
        As for :func:`earthloom.pansharpen`.
    adapt_seconds
        For a network (``cf2n``): learn from this very scene for so long, from its clear ground put under simulated
        clouds. It begins with the weights that fit, or with random ones where none do, and keeps the best state.
    save_weights
        File to keep the adapted weights in, for ``weights=``.
    **fields
        Fields of the method.

    Returns
    -------
    Array of the kind of ``optical``; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from earthloom import decloud
    >>> optical, sar = np.random.rand(4, 64, 64), np.random.rand(2, 64, 64)
    >>> mask = np.zeros((64, 64), bool)
    >>> mask[20:30, 20:30] = True
    >>> decloud(optical, sar, mask).shape
    (4, 64, 64)
    """
    dates = list(dates)
    inputs = named(optical, sar, mask, dates, date_masks)
    chosen = choose(method, fields, sar is not None, bool(dates))
    options = Options(
        sensor=sensor, threads=threads, tile_size=tile_size, nodata=nodata, dtype=dtype, compress=compress,
        overwrite=overwrite, ignore_georeferencing=ignore_georeferencing, progress=progress,
        adapt_seconds=adapt_seconds, save_weights=save_weights,
    )  # fmt: skip
    values = None if mask_values is None else tuple(float(v) for v in mask_values)
    clouds = Clouds(values, sar_units, rules or Rules(), replace_all)
    kinds = {arrays.is_path(value) for value in inputs.values()}
    if kinds == {True}:
        from earthloom.engine.decloud_files import decloud_files

        return decloud_files(inputs, output, chosen, clouds, options)
    if len(kinds) > 1:
        raise InputError("some inputs as paths and some as arrays", "all of one kind")
    if output is not None:
        raise InputError("output= with arrays", "paths", "write the array that is returned yourself")
    return _decloud_arrays(inputs, chosen, clouds, options)


def named(optical: Any, sar: Any, mask: Any, dates: Sequence[Any], date_masks: Sequence[Any] | None) -> dict[str, Any]:
    """Role to input, without those that are not given.

    Raises
    ------
    InputError
        If there are not as many masks as dates.
    """
    masks = [None] * len(dates) if date_masks is None else list(date_masks)
    if len(masks) != len(dates):
        raise InputError(f"{len(masks)} masks for {len(dates)} dates", "one mask for each date, or none at all")
    found = {"optical": optical, "sar": sar, "mask": mask}
    for k, (date, its_mask) in enumerate(zip(dates, masks, strict=True), start=1):
        found |= {f"date_{k}": date, f"date_{k}_mask": its_mask}
    return {role: value for role, value in found.items() if value is not None}


def choose(method: str | Method | None, fields: Mapping[str, Any], with_sar: bool, with_dates: bool) -> Method:
    """The method asked for; without one, that which makes the most of what is given.

    Raises
    ------
    InputError, MethodError
        If there is no such method, or it does not take the fields.
    """
    if method is None:
        method = default_method(with_sar, with_dates)
    return catalog.choose(method, PROBLEM, "cloud removal", fields)


def default_method(with_sar: bool, with_dates: bool) -> str:
    """The best classical method by measurement for what is given."""
    return "mosaic" if with_dates else "sar_regression" if with_sar else "inpaint"


def _decloud_arrays(inputs: Mapping[str, Any], method: Method, clouds: Clouds, options: Options) -> Any:
    """Numpy, torch or xarray inputs."""
    taken = {role: arrays.take(_numbers(value), role) for role, value in inputs.items()}
    first = taken["optical"]
    for role, each in taken.items():
        if each.data.shape[1:] != first.data.shape[1:]:
            raise GridError(
                f"{role} of {each.data.shape[1:]} and an optical image of {first.data.shape[1:]} pixels", "one grid",
                "resample one of them, or give georeferenced files",
            )  # fmt: skip
        if each.edges and first.edges and not _same_place(each.edges, first.edges):
            raise GridError(f"{role} and the optical image lie at different places", "one grid")
    require_bands({role: each.data.shape[0] for role, each in taken.items()})
    known = load(options.sensor)
    bands = match_bands(known, len(first.data))
    read = {
        role: (_floating(each.data), each.valid(options.nodata if _is_optical(role) else None))
        for role, each in taken.items()
    }
    sights, notes = prepare(bands, read, clouds, sar_names(len(taken["sar"].data)) if "sar" in taken else ())
    for note in notes:
        options.tell(note)
    obs = Observation(sights(read), first.data.shape[1:])
    require_measured(obs)
    scene = ArrayScene(obs)
    keeping = Keeping(ready(method, scene, options), clouds.replace_all)
    product = fuse_array(keeping, scene, options.tile_px, options.workers, options.progress)
    tell_share(replaced_percent(product.measured), options)
    nodata = first.nodata if options.nodata is None else options.nodata
    stored = arrays.restore(product, arrays.dtype_of(options.dtype or first.dtype), nodata)
    return first.back(stored, product.bands, first.attrs)


def _numbers(value: Any) -> Any:
    """Masks of booleans as numbers."""
    if str(getattr(value, "dtype", "")).rpartition(".")[2] != "bool":
        return value
    return value.byte() if hasattr(value, "detach") else value.astype("uint8")  # torch, or numpy and xarray


def _floating(data: np.ndarray) -> np.ndarray:
    """float32 where it holds every number exactly, else float64."""
    return data.astype(np.float32 if np.can_cast(data.dtype, np.float32) else np.float64)


def _same_place(one: tuple[tuple[float, float], ...], other: tuple[tuple[float, float], ...]) -> bool:
    """First centres and steps within two hundredths of a pixel."""
    return all(
        abs(a[0] - b[0]) < 0.02 * abs(a[1]) and abs(a[1] - b[1]) < 1e-4 * abs(a[1])
        for a, b in zip(one, other, strict=True)
    )


def _is_optical(role: str) -> bool:
    """The optical image and the other dates, whose nodata code an option can set."""
    return role == "optical" or (role.startswith("date_") and not role.endswith("mask"))


def require_bands(counts: Mapping[str, int]) -> None:
    """Refuse dates of other bands than the optical image, and masks of several.

    Raises
    ------
    InputError
        Names both.
    """
    for role, count in counts.items():
        if role.endswith("mask") and count != 1:
            raise InputError(f"a {role} of {count} bands", "one band", "write the band that is meant to a file")
        if _is_optical(role) and count != counts["optical"]:
            raise InputError(
                f"{role} of {count} bands and an optical image of {counts['optical']}", "the same bands",
                "choose the bands that both have",
            )  # fmt: skip


def prepare(
    bands: Sequence[Any], samples: Mapping[str, tuple[np.ndarray, np.ndarray]], clouds: Clouds, names: tuple[str, ...]
) -> tuple[Sights, list[str]]:
    """How views are made, judged by the images or samples of them; and what was decided, in words.

    Raises
    ------
    InputError
        If clouds must be found and the bands are not known, or SAR is not what it is said to be.
    """
    notes = []
    filled, note = with_wavelengths(tuple(bands))
    searched = [role for role in samples if _is_optical(role) and _mask_role(role) not in samples]
    if searched:
        require_roles(filled)
        notes += [note] if note else []
        notes.append(f"clouds of {', '.join(searched)} found by thresholds; a mask says otherwise")
    known = {role: levels(samples[role][0], filled, samples[role][1]) for role in searched}
    is_db = True
    if "sar" in samples:
        is_db, told = decide_db(clouds.sar_units, *samples["sar"])
        notes.append(told)
    rules = clouds.rules if searched else None
    return Sights(filled, is_db, names, clouds.mask_values, rules, known), notes


def _mask_role(role: str) -> str:
    """The role of the mask of an optical image."""
    return "mask" if role == "optical" else f"{role}_mask"


def require_measured(obs: Observation) -> None:
    """Refuse images that hold nothing.

    Raises
    ------
    InputError
        Names the image.
    """
    if not obs["optical"].valid.any():
        raise InputError("the optical image has no valid pixel", "", "check nodata and NaN")


def tell_share(percent: float | None, options: Options) -> None:
    """Say how much was replaced."""
    if percent is None:
        return
    options.tell(f"{percent:.3g} % of the pixels lay under clouds" if percent else "no cloud: the image stays as it is")
    if options.measured is not None:
        options.measured({"cloud_percent": percent})
