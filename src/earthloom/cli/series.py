"""`earthloom series`: every date of which there is a coarse image, or how well a method does on the known ones."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthloom.cli import verbs
from earthloom.cli.running import Work
from earthloom.cli.screen import strict
from earthloom.raster.steady import paths_in
from earthloom.verbs.flags import Flag

if TYPE_CHECKING:
    from earthloom.evaluation.leave_out import Trial
    from earthloom.verbs.batching.folder import Done

TRIAL = Flag(group="Evaluation")
COLUMNS = {
    "rmse": "RMSE", "mae": "MAE", "cc": "CC", "ssim": "SSIM", "sam_deg": "SAM deg", "ergas": "ERGAS",
    "uiqi": "UIQI 32x32", "uiqi_global": "UIQI global",
}  # fmt: skip
EVALUATION = (
    ("evaluate", bool, "Write nothing; predict each known date from the others and print how well that went.", False),
    (
        "beside", list[str],
        "Other methods to evaluate in the same table, with their defaults (default: copy, the row of no fusion).", None,
    ),
    ("peak", float, "Largest possible value, for SSIM (default: the largest that was measured).", None),
    ("json", bool, "Print the evaluation as JSON.", False),
    ("figure", Path, "PNG with truth, prediction and error of up to three dates.", None),
)  # fmt: skip
WRITES = ("output", "dates", "fill")  # what an evaluation, which writes nothing, does not take


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name."""
    options = [verbs.extra(one, kind, told, TRIAL, default) for one, kind, told, default in EVALUATION]
    return verbs.command(name, arguments, options, _act)


def _act(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Predict, or evaluate."""
    _check(asked, extra, work)
    if extra.get("evaluate"):
        _evaluated(asked, extra, work)
        return
    from earthloom.verbs.series import series

    series(**asked)
    done = work.found["dates"]
    if not work.screen.quiet:
        print(_listing(done))
    work.screen.done(str(asked["output"]), *_summary(done))


def _check(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Refuse flags that contradict each other."""
    from earthloom.errors import InputError
    from earthloom.raster.write.place import require_beside

    output, evaluate, figure = asked.get("output"), extra.get("evaluate"), extra.get("figure")
    if output is None and not evaluate:
        raise InputError("no --output", "a folder for the products", "or --evaluate to test a method")
    if output is not None and evaluate:
        raise InputError("--output with --evaluate", "one of them", "an evaluation writes no products")
    if not evaluate and (figure is not None or extra.get("json")):
        raise InputError(f"{'--figure' if figure is not None else '--json'} without --evaluate", "both or neither")
    require_beside(figure, "the figure", ".png", paths_in(asked), work.run.overwrite)


def _evaluated(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Leave every known date out once, print the figures, and draw them."""
    from dataclasses import fields

    from earthloom.methods.catalog import PUBLISHED, find
    from earthloom.methods.wrappers.refined import refined
    from earthloom.prepare.spatiotemporal.known import chosen_predictor
    from earthloom.verbs.leave_one_out import leave_one_out

    name, ratio = asked.pop("method"), asked.get("ratio")
    known = [PUBLISHED, *(one.name for one in fields(find(name, "spatiotemporal")))]
    own = {one: asked.pop(one) for one in known if one in asked}
    ratio = own.pop("ratio", ratio)
    first = refined(chosen_predictor(name, own, ratio), asked.pop("refine", 0))
    others = [one for one in extra.get("beside", ["copy"]) if one != name]
    kept = {key: value for key, value in asked.items() if key not in (*WRITES, "ratio")}
    figure = extra.get("figure")
    leave_one_out(
        methods=[first, *others], ratio=ratio, peak=extra.get("peak"), keep=3 if figure is not None else 0, **kept
    )
    found: Trial = work.found["trial"]
    plain = js.dumps(strict(found.report.as_dict()), indent=2, allow_nan=False) if extra.get("json") else table(found)
    print(plain)
    if figure is not None:
        from earthloom.report.temporal import left_out

        left_out(found.seen, found.report.rows, work.found["bands"], figure, found.report.title.capitalize())
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
    from earthloom.evaluation.meanings import best

    if key not in row:
        return "- "
    values = {name: other[key] for name, other in own.items() if key in other}
    first = best(key, values)
    return f"{row[key]:.4g}" + ("*" if first is not None and row[key] == values[first] and len(values) > 1 else " ")


def _listing(done: Sequence[Done]) -> str:
    """A line for every date."""
    lines = [f"{'date':<12}{'':<11}{'from':<26}{'confidence':>11}{'pixels':>9}{'seam':>7}"]
    for one in done:
        near = one.why or " ".join(str(day) for day in one.known)
        sure = "" if one.confidence is None else f"{one.confidence:.2f}"
        seen = "" if one.valid_percent is None else f"{one.valid_percent:.1f} %"
        seam = "" if one.confidence is None else "-" if one.seam is None else f"{one.seam:.2f}"
        lines.append(f"{one.day!s:<12}{one.state:<11}{near:<26}{sure:>11}{seen:>9}{seam:>7}".rstrip())
    return "\n".join(lines)


def _summary(done: Sequence[Done]) -> list[str]:
    """How many of each."""
    counts = [(sum(one.state == state for one in done), state) for state in ("predicted", "filled", "there", "skipped")]
    words = {"there": "were there already"}
    return [f"{count} {words.get(state, state)}" for count, state in counts if count]
