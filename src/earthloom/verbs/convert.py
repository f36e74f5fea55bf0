"""`earthloom.convert`: a data set in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earthloom.engine.talk import Progress, silent
from earthloom.errors import InputError
from earthloom.raster.listing.samples import H5_SUFFIXES
from earthloom.raster.steady import paths_in, stamps
from earthloom.training.cases.convert import FORMATS, Written, _Plan, _to_folder, _to_h5, require_output
from earthloom.training.cases.open import cases
from earthloom.training.cases.pansharpening import Cases


def convert(
    paths: Any,
    output: str | Path,
    sensor: Any = None,
    *,
    patch: int | None = 64,
    stride: int | None = None,
    ratio: int | None = None,
    split: float = 0.0,
    full: bool = False,
    format: str = "tif",
    dtype: str | None = None,
    limit: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    **reading: Any,
) -> Written:
    """Convert scenes or data sets.

    To HDF5, every scene is degraded one scale down (Wald's protocol) unless it has a truth, interpolated as a whole
    (``lms``: 23 taps in the toolbox convention, else the windowed sinc of EXP), and cut into patches. To a folder,
    every sample is written as it is, to files that :func:`earthloom.training.cases.open.cases` reads back exactly.
    An output appears under its name when it is whole: what stands there, and every input, stays as it is until then.

    Parameters
    ----------
    paths
        As for :func:`earthloom.training.cases.open.cases`.
    output
        A name that ends in ``.h5``, or a folder.
    sensor
        Whose bands they are; it sets the MTF gains.
    patch
        Side of a patch in pixels of the PAN (and of the truth); None keeps samples whole. For HDF5 from scenes only.
    stride
        From patch to patch; None is ``patch``: they do not overlap.
    ratio
        Refuse data of another ratio.
    split
        Share of the cases, the last of them, that goes to a second output called ``..._valid``, 0 to below 1. Whole
        scenes, or blocks of one, never patches that overlap those of the first.
    full
        Write what was seen at native resolution, without a truth.
    format
        For a folder: ``tif`` (subfolders ``pan``, ``ms``, ``gt``) or ``mat`` (a file per sample).
    dtype
        Of the stored numbers: None is float32 in HDF5, and in folders the smallest of uint16 and float32 that holds
        them exactly.
    limit, overwrite, progress
        At most so many cases; replace what exists, when the new data set is whole; told after every case.
    **reading
        ``convention``, ``reduce``, ``bands``, ``scale``, ``maximum``, ``nodata``, ``ignore_georeferencing``,
        ``block_px`` of :func:`earthloom.training.cases.open.cases`.

    Returns
    -------
    Written

    Raises
    ------
    EarthloomError
        What stands in the way, in words.
    """
    output = Path(output)
    found = cases(paths, "pansharpening", sensor, limit=limit, **reading)
    assert isinstance(found, Cases)
    if ratio is not None and ratio != found.ratio:
        raise InputError(f"data of ratio {found.ratio}", f"ratio {ratio}")
    if not 0 <= split < 1 or (split and len(found) < 2):
        raise InputError(f"a split of {split:g} of {len(found)} cases", "a share below 1, and two cases or more")
    is_h5 = output.suffix.lower() in H5_SUFFIXES
    if not is_h5 and (output.suffix or format not in FORMATS):
        raise InputError(f"the output {output} (format {format})", "a name ending in .h5, or a folder of tif or mat")
    last = min(max(round(split * len(found)), 1), len(found) - 1) if split else 0
    parts = [(output, range(len(found) - last))]
    if last:
        parts.append((output.with_name(f"{output.stem}_valid{output.suffix}"), range(len(found) - last, len(found))))
    for path, _ in parts:
        require_output(path, overwrite, list(paths_in(paths)))
    before = stamps(found.files)
    as_is = not is_h5 and found.reading.reduce != "always"
    plan = _Plan(found, full, as_is, patch if is_h5 else None, stride, dtype, overwrite, progress, before)
    counts = [_to_h5(plan, path, chosen) if is_h5 else _to_folder(plan, path, chosen, format) for path, chosen in parts]
    return Written(tuple(path for path, _ in parts), tuple(counts))
