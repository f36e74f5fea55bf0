"""`earthloom decloud`: clouds out of an optical image; the flags of the method are the fields of its dataclass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, RUN, Files, Run, working
from earthloom.methods import catalog

PROBLEM = "cloud_removal"
CLOUDS = Group("Clouds and radar", sort_key=2)


@Parameter(name="*")
@dataclass(frozen=True)
class Inputs:
    """What is told about the images.

    Parameters
    ----------
    mask_values
        Numbers in the masks that mean cloud or shadow, such as 3 8 9 10 in Sentinel-2's SCL (default: all but 0).
    sar_units
        Of the backscatter: `db`, `linear`, or `auto`, which looks for negative numbers.
    replace_all
        Take the method's image at clear pixels too; otherwise they stay as they were, bit by bit.
    sensor
        Optical sensor, or TOML file: says which band is which (default: from the metadata or the number of bands).
    nodata
        Code of missing pixels in the optical images and the output, instead of what the files say.
    """

    mask_values: Annotated[list[float] | None, Parameter(group=CLOUDS, consume_multiple=True, negative="")] = None
    sar_units: Annotated[Literal["auto", "db", "linear"], Parameter(group=CLOUDS)] = "auto"
    replace_all: Annotated[bool, Parameter(group=CLOUDS, negative="", show_default=False)] = False
    sensor: Annotated[str | None, Parameter(group=RUN)] = None
    nodata: Annotated[float | None, Parameter(group=RUN)] = None


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name, or imply by what they give."""
    return with_fields(decloud, catalog.find(method_in(arguments, _implied(arguments)), PROBLEM))


def _implied(arguments: Sequence[str]) -> str:
    """The default method for what is given."""
    flags = {argument.split("=", 1)[0] for argument in arguments}
    return default_method("--sar" in flags or "--optical" not in flags, "--date" in flags)  # bare help shows SAR


def default_method(with_sar: bool, with_dates: bool) -> str:
    """As :func:`earthloom.verbs.decloud.default_method`, without importing it."""
    return "mosaic" if with_dates else "sar_regression" if with_sar else "inpaint"


def decloud(
    *,
    optical: Annotated[list[str], Parameter(group=FILES, consume_multiple=True, negative="")],
    sar: Files = None,
    mask: Annotated[str | None, Parameter(group=FILES)] = None,
    date: Files = None,
    date_mask: Files = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str | None, Parameter(name=["--method", "-m"], group=FILES)] = None,
    inputs: Inputs | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Take clouds and their shadows out of an optical image.

    Parameters
    ----------
    optical
        Cloudy image: a file, or a file per band.
    sar
        Radar backscatter, VV and VH: a file, or a file per band. Any grid: it is resampled to that of the optical.
    mask
        Clouds and shadows to replace, one band (default: they are looked for).
    date
        Images of the same bands at other dates, one file each.
    date_mask
        Their clouds, one file for each date (default: they are looked for).
    output
        GeoTIFF to write, on the grid of the optical image.
    method
        Name of a method; `earthloom methods` lists them (default: mosaic with other dates, else sar_regression with
        SAR, else inpaint).
    """
    made = catalog.make(method or default_method(sar is not None, bool(date)), PROBLEM, **chosen)
    files = {"optical": optical, "sar": sar, "mask": mask, "dates": date or [], "date_masks": date_mask}
    remove(files, output, made, inputs or Inputs(), run or Run())


def remove(files: dict[str, Any], output: Path, method: Any, inputs: Inputs, run: Run) -> None:
    """Run, with a progress bar and a line at the end."""
    with working(run, sensor=inputs.sensor, nodata=inputs.nodata) as work:
        from earthloom.prepare.cloud_removal.opening import Clouds, named
        from earthloom.verbs.decloud_files import decloud_files

        values = None if inputs.mask_values is None else tuple(inputs.mask_values)
        clouds = Clouds(values, inputs.sar_units, replace_all=inputs.replace_all)
        path = decloud_files(named(**files), output, method, clouds, work.options)
        share = ", {cloud_percent:.3g} % under clouds"
        work.done(path, share.format(**work.found) if "cloud_percent" in work.found else "")
