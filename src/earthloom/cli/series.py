"""`earthloom series`: every date of which there is a coarse image, or how well a method does on the known ones."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from earthloom.cli.fields import method_in, with_fields
from earthloom.cli.predict import DEFAULT, PROBLEM, SHARED
from earthloom.cli.running import FILES, Run, Work, shown_as, working
from earthloom.cli.screen import strict
from earthloom.cli.temporal import Inputs
from earthloom.methods import catalog

if TYPE_CHECKING:
    from earthloom.evaluation.leave_out import Trial
    from earthloom.raster.listing.by_day import Sources
    from earthloom.types import Band
    from earthloom.verbs.series_files import Done

TRIAL = Group("Evaluation", sort_key=2)
Folder = Annotated[str | None, Parameter(group=FILES, **shown_as("DIR"))]
COLUMNS = {
    "rmse": "RMSE", "mae": "MAE", "cc": "CC", "ssim": "SSIM", "sam_deg": "SAM deg", "ergas": "ERGAS",
    "uiqi": "UIQI 32x32", "uiqi_global": "UIQI global",
}  # fmt: skip
HIGHER = ("cc", "ssim", "uiqi", "uiqi_global")


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    return with_fields(series, catalog.find(method_in(arguments, DEFAULT), PROBLEM), SHARED)


def series(
    *,
    fine_dir: Annotated[str, Parameter(group=FILES, **shown_as("DIR"))],
    coarse_dir: Annotated[str, Parameter(group=FILES, **shown_as("DIR"))],
    fine_mask_dir: Folder = None,
    coarse_mask_dir: Folder = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=FILES, **shown_as("DIR"))] = None,
    method: Annotated[str, Parameter(name=["--method", "-m"], group=FILES)] = DEFAULT,
    dates: Annotated[list[str] | None, Parameter(group=FILES, consume_multiple=True, negative="")] = None,
    date_pattern: Annotated[str | None, Parameter(group=FILES, **shown_as("REGEX"))] = None,
    days_apart: Annotated[int, Parameter(group=FILES)] = 0,
    most_pairs: Annotated[int, Parameter(group=FILES)] = 2,
    fill: Annotated[bool, Parameter(group=FILES, negative="", show_default=False)] = False,
    evaluate: Annotated[bool, Parameter(group=TRIAL, negative="", show_default=False)] = False,
    beside: Annotated[list[str] | None, Parameter(group=TRIAL, consume_multiple=True, negative="")] = None,
    peak: Annotated[float | None, Parameter(group=TRIAL)] = None,
    json: Annotated[bool, Parameter(group=TRIAL, negative="", show_default=False)] = False,
    figure: Annotated[Path | None, Parameter(group=TRIAL)] = None,
    inputs: Inputs | None = None,
    run: Run | None = None,
    **chosen: Any,
) -> None:
    """Predict the fine image of every date of which there is a coarse one.

    Parameters
    ----------
    fine_dir
        Fine images with dates in their names: a folder, or a pattern such as 'landsat/*_ndvi'.
    coarse_dir
        Coarse images, likewise. The nearest fine image before and after makes the pairs.
    fine_mask_dir
        Clouds of the fine images, likewise; dates without a mask are clear.
    coarse_mask_dir
        Clouds of the coarse images.
    output
        Folder for a COG, its quality layers and a STAC item each date, and a STAC collection. What is finished there
        stays, so that a run that was stopped goes on.
    method
        Name of a method; `earthloom methods` lists them.
    dates
        Dates to predict, or intervals FROM/TO (default: all with a coarse and without a fine image).
    date_pattern
        Where the date stands in a name: groups for year, month, day, or year and day of the year (default: found).
    days_apart
        Most days between a fine image and the coarse image that it is paired with.
    most_pairs
        Known dates that a prediction begins with: the nearest before and after (2), or the nearest alone (1).
    fill
        Also fill the gaps of the fine images, from the other dates.
    evaluate
        Write nothing; predict each known date from the others and print how well that went.
    beside
        Other methods to evaluate in the same table, with their defaults (default: copy, the row of no fusion).
    peak
        Largest possible value, for SSIM (default: the largest that was measured).
    json
        Print the evaluation as JSON.
    figure
        PNG with truth, prediction and error of up to three dates.
    """
    from earthloom.raster.listing.by_day import Sources

    made = catalog.make(method, PROBLEM, **chosen)
    sources = Sources(fine_dir, coarse_dir, fine_mask_dir, coarse_mask_dir, date_pattern)
    _check(output, evaluate, figure, json, run or Run())
    told = inputs or Inputs()
    with working(run or Run()) as work:
        from earthloom.methods.wrappers.refined import refined
        from earthloom.prepare.spatiotemporal.known import with_ratio
        from earthloom.verbs.series import require_count

        require_count(most_pairs)
        whole, handling = refined(with_ratio(made, told.ratio), told.refine), told.handling(days_apart)
        if evaluate:
            names = [one for one in (beside if beside is not None else ["copy"]) if one != method]
            others = {one: with_ratio(catalog.make(one, PROBLEM), told.ratio) for one in names}
            found, bands = _tried(sources, {method: whole, **others}, handling, work, most_pairs, peak, figure)
            _show(found, bands, json, figure, work)
            return
        from earthloom.verbs.series_files import series_files

        assert output is not None
        done = series_files(sources, output, whole, handling, work.options, dates, fill, most_pairs)
        if not work.screen.quiet:
            print(_listing(done))
        work.screen.done(_summary(done, output))


def _check(output: Path | None, evaluate: bool, figure: Path | None, json: bool, run: Run) -> None:
    """Refuse flags that contradict each other."""
    from earthloom.errors import FileError, InputError

    if output is None and not evaluate:
        raise InputError("no --output", "a folder for the products", "or --evaluate to test a method")
    if output is not None and evaluate:
        raise InputError("--output with --evaluate", "one of them", "an evaluation writes no products")
    if not evaluate and (figure is not None or json):
        raise InputError(f"{'--figure' if figure is not None else '--json'} without --evaluate", "both or neither")
    if figure is not None and figure.exists() and not run.overwrite:
        raise FileError(f"{figure} exists", hint="choose another name, or --overwrite")
    if figure is not None and figure.suffix.lower() != ".png":
        raise InputError(f"the figure {figure}", "a PNG", f"call it {figure.with_suffix('.png').name}")


def _tried(
    sources: Sources, methods: dict[str, Any], handling: Any, work: Work, most: int, peak: float | None,
    figure: Path | None,
) -> tuple[Trial, Sequence[Band]]:  # fmt: skip
    """Leave every known date out once."""
    from earthloom.evaluation.leave_out import trial
    from earthloom.prepare.spatiotemporal.opening import Opener, open_library

    opener = Opener(handling, work.options)
    try:
        lib = open_library(opener, sources, handling, work.options, None)
        return trial(lib, methods, most, peak, 3 if figure is not None else 0), opener.bands("fine")
    finally:
        opener.close()


def _show(found: Trial, bands: Sequence[Band], json: bool, figure: Path | None, work: Work) -> None:
    """Print the figures, and draw them."""
    print(js.dumps(strict(found.report.as_dict()), indent=2, allow_nan=False) if json else table(found))
    if figure is not None:
        from earthloom.errors import FileError
        from earthloom.report.temporal import left_out

        try:
            left_out(found.seen, found.report.rows, bands, figure, found.report.title.capitalize())
        except OSError as error:
            raise FileError(f"{figure} cannot be written ({error.strerror})", hint="choose another folder") from error
        work.screen.done(str(figure))


def table(found: Trial) -> str:
    """A line for every date and method, the best figure of each date with an asterisk."""
    rows = found.report.rows
    days = list(dict.fromkeys(name.rsplit(" ", 1)[1] for name in rows))
    methods = list(dict.fromkeys(name.rsplit(" ", 1)[0] for name in rows))
    columns = [key for key in COLUMNS if any(key in row for row in rows.values())]
    wide = max(map(len, methods)) + 2
    head = f"{'date':<12}{'method':<{wide}}" + "".join(f"{COLUMNS[key]:>13}" for key in columns)
    lines = [found.report.title, "", head, "-" * len(head)]
    for day in days:
        own = {name: rows[f"{name} {day}"] for name in methods if f"{name} {day}" in rows}
        for k, (name, row) in enumerate(own.items()):
            cells = "".join(f"{_cell(key, row, own):>13}" for key in columns)
            lines.append(f"{day if not k else '':<12}{name:<{wide}}{cells}")
    return "\n".join([*lines, "", *found.report.notes])


def _cell(key: str, row: dict[str, float] | Any, own: dict[str, Any]) -> str:
    """A figure, with an asterisk when it is the best of its date."""
    if key not in row:
        return "- "
    values = [other[key] for other in own.values() if key in other]
    best = max(values) if key in HIGHER else min(values)
    return f"{row[key]:.4g}" + ("*" if row[key] == best and len(values) > 1 else " ")


def _listing(done: Sequence[Done]) -> str:
    """A line for every date."""
    lines = [f"{'date':<12}{'':<11}{'from':<26}{'confidence':>11}{'pixels':>9}"]
    for one in done:
        near = one.why or " ".join(str(day) for day in one.known)
        sure = "" if one.confidence is None else f"{one.confidence:.2f}"
        seen = "" if one.valid_percent is None else f"{one.valid_percent:.1f} %"
        lines.append(f"{one.day!s:<12}{one.state:<11}{near:<26}{sure:>11}{seen:>9}".rstrip())
    return "\n".join(lines)


def _summary(done: Sequence[Done], output: Path) -> str:
    """How many of each."""
    counts = [(sum(one.state == state for one in done), state) for state in ("predicted", "filled", "there", "skipped")]
    words = {"there": "were there already"}
    return f"{output}: " + ", ".join(f"{count} {words.get(state, state)}" for count, state in counts if count)
