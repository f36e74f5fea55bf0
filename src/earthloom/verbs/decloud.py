"""`earthloom.decloud`: clouds out of an optical image, with radar and other dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from earthloom.engine.arrays import is_path
from earthloom.engine.inputs import files_of
from earthloom.engine.options import Run, run_of
from earthloom.errors import InputError
from earthloom.methods import catalog
from earthloom.methods.base import Method
from earthloom.physics.cloudmask import Rules
from earthloom.prepare.cloud_removal.opening import Clouds, Declouding, inputs_of_roles
from earthloom.prepare.cloud_removal.sights import SarUnits
from earthloom.raster.products.masks import PROBABILITY, MaskFrom
from earthloom.raster.told import Told
from earthloom.raster.write.place import require_beside, require_layer_place
from earthloom.verbs.declared import verb
from earthloom.verbs.flags import FILE, FILES, METHOD, OUTPUT, PYTHON, Flag, files_in
from earthloom.verbs.pipeline import Work, perform

PROBLEM = "cloud_removal"
CLOUDS = "Clouds and radar"


def default_method(given: Mapping[str, Any]) -> str:
    """The best classical method by measurement for what is given: other dates, radar, or nothing."""
    if given.get("dates") or "date" in given:
        return "mosaic"
    bare = "optical" not in given  # help that is asked for without an image shows radar's
    return "sar_regression" if given.get("sar") is not None or bare else "inpaint"


def typed(own: dict[str, Any]) -> dict[str, Any]:
    """From ``--date-mask none`` to what the verb takes."""
    return files_in(own, "date_masks")


@verb("cloud_removal", default_method, shell=typed, image="optical")
def decloud(
    optical: Annotated[Any, FILES],
    sar: Annotated[Any, FILES] = None,
    mask: Annotated[Any, FILE] = None,
    method: Annotated[str | Method | None, METHOD] = None,
    dates: Annotated[Sequence[Any], Flag(list[str], ("--date",), "Files")] = (),
    *,
    date_masks: Annotated[Sequence[Any] | None, Flag(list[str], ("--date-mask",), "Files")] = None,
    mask_values: Annotated[Sequence[float] | None, Flag(list[float], group=CLOUDS)] = None,
    mask_from: Annotated[MaskFrom | None, Flag(group=CLOUDS)] = None,
    mask_probability: Annotated[float, Flag(group=CLOUDS)] = PROBABILITY,
    dilate: Annotated[int, Flag(group=CLOUDS)] = 0,
    save_mask: Annotated[str | Path | None, Flag(Path, group="Files")] = None,
    sar_units: Annotated[SarUnits, Flag(group=CLOUDS)] = "auto",
    replace_all: Annotated[bool, Flag(group=CLOUDS)] = False,
    sensor: Annotated[Any, Flag(str, group=CLOUDS)] = None,
    bands: Annotated[Sequence[str | int] | None, Flag(list[str], group=CLOUDS)] = None,
    rules: Annotated[Rules | None, PYTHON] = None,
    nodata: Annotated[float | None, Flag(group=CLOUDS)] = None,
    output: Annotated[str | Path | None, OUTPUT] = None,
    run: Run | None = None,
    **more: Any,
) -> Any:
    """Take clouds and their shadows out of an optical image.

    Parameters
    ----------
    optical
        Cloudy image: a file, or a file per band. In Python: also numpy ``(band, y, x)``, a torch tensor or an xarray
        DataArray.
    sar
        Radar backscatter, VV and VH: a file, or a file per band. Any grid: it is resampled to that of the optical. In
        Python: also an array on the optical grid.
    mask
        Clouds and shadows to replace, one band (default: they are looked for; blue, green, red and NIR are needed, and
        their wavelengths).
    method
        Name of a method; ``earthloom methods cloud_removal`` lists them (default: mosaic with other dates, else
        sar_regression with SAR, else inpaint). In Python: or a method object.
    dates
        Images of the same bands at other dates, one file each.
    date_masks
        Their clouds, one for each date; None (``none``) for a date without a mask (default: they are looked for).
    mask_values
        Numbers in the masks that mean cloud or shadow, such as 3 8 9 10 in Sentinel-2's SCL (default: all but 0).
    mask_from
        Who makes such masks, which says what their numbers mean: ``scl`` (Sentinel-2), ``s2cloudless`` (its probability
        from 0 to 1 or in percent, or its mask), ``clp`` (that probability from 0 to 255), ``omnicloudmask``,
        ``qa_pixel`` (Landsat), ``fmask``, ``hls_fmask``, ``udm2`` (Planet).
    mask_probability
        From which a mask of probabilities means cloud.
    dilate
        Make the masks, given or found, larger by so many pixels: rims are thin clouds.
    save_mask
        GeoTIFF for the mask that was used: 1 where the image was replaced, 0 elsewhere, 255 where nothing was measured.
    sar_units
        Of the backscatter: ``db``, ``linear``, or ``auto``, which looks for negative numbers.
    replace_all
        Take the method's image at clear pixels too; otherwise they stay as they were, bit by bit.
    sensor
        Optical sensor, or TOML file: says which band is which (default: from the metadata or the number of bands).
    bands
        Bands of the optical images: which, in which order, numbers from 1 or names. Names for bands that have none call
        them so, such as red green blue nir.
    rules
        Thresholds by which clouds are found.
    nodata
        Code of missing pixels in the optical images and the output, instead of what the files say.
    output
        GeoTIFF to write, on the grid of the optical image. In Python: without it, files give a DataArray.
    run
        How to run. A file has ``NAME_quality.tif`` beside it, unless ``quality=False``: where each pixel comes from,
        which dates are clear there, and how far off it is expected to be, where the network says so itself
        (``cloud_unet``) or ``quality=True`` has it looked for. Arrays come without, but for that.
    **more
        Fields of the method (``published=True``: those of its published formula), and of
        :class:`earthloom.engine.options.Run`, such as ``threads`` and ``overwrite``.

    Returns
    -------
    Array of the kind of ``optical``; for files the path written, or a DataArray.

    Raises
    ------
    EarthloomError
        With what was given, what was expected and what to do.

    Examples
    --------
    $ earthloom decloud --optical cloudy.tif --sar s1.tif --mask clouds.tif -o clear.tif
    $ earthloom decloud --optical cloudy.tif --mask SCL.tif --mask-from scl --dilate 3 -o clear.tif
    $ earthloom decloud --optical cloudy.tif --date may.tif july.tif -o clear.tif

    >>> import numpy as np
    >>> from earthloom import decloud
    >>> optical, sar = np.random.rand(4, 64, 64), np.random.rand(2, 64, 64)
    >>> mask = np.zeros((64, 64), bool)
    >>> mask[20:30, 20:30] = True
    >>> decloud(optical, sar, mask).shape
    (4, 64, 64)
    """
    run, fields = run_of(more, run)
    inputs = inputs_of_roles(optical, sar, mask, list(dates), date_masks)
    chosen = method or default_method({"optical": optical, "sar": sar, "dates": list(dates)})
    found = catalog.choose(chosen, PROBLEM, "cloud removal", fields)
    values = None if mask_values is None else tuple(float(v) for v in mask_values)
    clouds = Clouds(values, sar_units, rules or Rules(), replace_all, mask_from, mask_probability, dilate)
    told = {role: Told(nodata=nodata, bands=bands) for role in inputs if role != "sar" and not role.endswith("mask")}
    told |= {role: Told(mask_values=values) for role in inputs if role.endswith("mask")}
    layers = _beside(output, save_mask, run.quality is not False, inputs, run.overwrite)
    if run.quality and not (found.turns or found.judges):  # a formula: the other layers alone
        run = replace(run, quality=None)
    return perform(Work(inputs, Declouding(clouds, sensor, nodata, *layers), found, run, told, output=output))


def _beside(
    output: str | Path | None, save_mask: str | Path | None, quality: bool, inputs: Mapping[str, Any], overwrite: bool
) -> tuple[bool, Path | None]:
    """Whether a file of the quality goes beside the product, and where the mask goes.

    Raises
    ------
    InputError
        If there is no product to go beside.
    FileError
        If something is in the way.
    """
    if output is None:
        if save_mask is not None:
            raise InputError("`save_mask` without a product in a file", "an `output`", "or give a `mask` of your own")
        return False, None
    taken = list(files_of({role: one for role, one in inputs.items() if is_path(one)}))
    require_beside(save_mask, "the mask", ".tif", taken, overwrite)
    if save_mask is not None and Path(save_mask).resolve() == Path(output).resolve():
        raise InputError(f"{save_mask} as product and as mask", "two names")
    if quality and not Path(output).is_dir():
        require_layer_place(Path(output), taken, overwrite)
    return quality, None if save_mask is None else Path(save_mask)
