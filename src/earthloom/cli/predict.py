"""`earthloom predict`: the fine image of a date from a coarse one; the flags of the method are its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.running import FILES, Files, Run, shown_as, working
from earthloom.cli.temporal import Inputs
from earthloom.methods import catalog

PROBLEM, DEFAULT = "spatiotemporal", "starfm"
SHARED = ("ratio",)  # a field of some methods that the flags about images hold already
NONE = "none"  # in a list of masks: this image has none


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return with_fields(predict, catalog.find(method_in(arguments, DEFAULT), PROBLEM), SHARED)


def predict(
    *,
    pair: Annotated[list[tuple[str, str, str]], Parameter(group=FILES, negative="", **shown_as("FINE COARSE DATE"))],
    coarse: Annotated[tuple[str, str], Parameter(group=FILES, negative="", **shown_as("COARSE DATE"))],
    fine_mask: Files = None,
    coarse_mask: Files = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group=FILES)],
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    days_apart: Annotated[int, Parameter(group=FILES)] = 8,
    inputs: Inputs | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Predict the fine image of a date from its coarse one, and from fine and coarse images of other dates.

    Parameters
    ----------
    pair
        A known date; again for another one. DATE is 2020-03-08, 20200308 or 2020068, or that of
        the fine and that of the coarse image, 2020-03-08/2020-03-10. The coarse image may have its own pixels and CRS.
    coarse
        The date to predict.
    fine_mask
        Clouds of the fine images: one file for every pair, in their order; `none` for an image without.
    coarse_mask
        Clouds of the coarse images: one for every pair, then that of the date to predict; `none` for one without.
    output
        GeoTIFF to write, on the grid of the first fine image.
    method
        Name of a method; `earthloom methods` lists them.
    days_apart
        Most days between the fine and the coarse image of a pair.
    """
    made = catalog.make(method, PROBLEM, **chosen)
    masks = tuple(None if m is None else [None if one == NONE else one for one in m] for m in (fine_mask, coarse_mask))
    with working(run or Run()) as work:
        from earthloom.methods.wrappers.refined import refined
        from earthloom.prepare.spatiotemporal.known import listed, with_ratio
        from earthloom.raster.listing.days import parse_date
        from earthloom.verbs.predict_files import predict_files

        told = inputs or Inputs()
        known, target_mask = listed([one[:2] for one in pair], [one[2] for one in pair], *masks)
        whole, handling = refined(with_ratio(made, told.ratio), told.refine), told.handling(days_apart)
        day = parse_date(coarse[1])
        path = predict_files(known, coarse[0], target_mask, day, output, whole, handling, work.options)
        work.done(path, _summary(work.found))


def _summary(found: dict[str, Any]) -> str:
    """What was done to the images, for the last line."""
    parts = []
    if "moved_px" in found:
        parts.append("coarse images moved {:+.1f} rows, {:+.1f} columns".format(*found["moved_px"]))
    if "matched" in found:
        parts.append("matched by regression")
    if "before_percent" in found:
        parts.append("residual {before_percent:.3g} -> {after_percent:.3g} %".format(**found))
    return "".join(f", {part}" for part in parts)
