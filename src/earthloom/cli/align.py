"""`earthloom align`, and its `fit` and `apply`: made of the verbs, with a figure of a fit besides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App

from earthloom.cli import shown, verbs
from earthloom.cli.running import Work
from earthloom.raster.steady import paths_in
from earthloom.verbs.flags import OUTPUT, Flag
from earthloom.weights.header import SUFFIX

FIGURE = "PNG with both images' numbers before and after, and what each number becomes; needs a target."


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The command for the method that the arguments name; `fit` and `apply` are words after it."""
    words = [word for word in arguments if not word.startswith("-")]
    figure = verbs.extra("figure", Path, FIGURE, Flag(group="Files"))
    if len(words) < 2 or words[1] not in ("fit", "apply"):
        return verbs.command(name, arguments, [figure], _align)
    from earthloom.verbs.align import align

    app = App(
        name=name, help=(inspect.getdoc(align) or "").split("\n")[0], help_format="markdown",
        result_action="return_value",
    )  # fmt: skip
    if words[1] == "fit":
        output = verbs.extra("output", Path, "JSON file to write.", OUTPUT)
        app.command(verbs.command("fit_alignment", arguments, [output, figure], _fit), name="fit")
    else:
        transform = verbs.extra("transform", Path, "JSON file that `align fit` wrote.", Flag(group="Files", bare=True))
        app.command(verbs.command(name, ["-m", "auto", *arguments], [transform], _apply, APPLIES), name="apply")
    return app  # type: ignore[return-value]


APPLIES = ("method", "target", "source_mask", "target_mask", "source_sensor", "target_sensor", "target_bands")


def _align(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Align an image."""
    from earthloom.errors import InputError
    from earthloom.verbs.align import align

    figure = extra.get("figure")
    if figure is not None and asked.get("target") is None:
        raise InputError("--figure without --target", "a target to compare with")
    _check(figure, asked, work)
    product = align(**asked)
    _draw(figure, work.found)
    shown.done("align", product, work)


def _fit(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Fit a transform, and write it."""
    from earthloom.raster.write.place import require_beside
    from earthloom.verbs.fit_alignment import fit_alignment

    output, figure, overwrite = extra["output"], extra.get("figure"), work.run.overwrite
    _check(figure, asked, work)
    require_beside(output, "the transform", ".json", paths_in(asked), overwrite)
    heavy = output.with_suffix(SUFFIX)  # where the weights of a network go
    require_beside(heavy, "its weights", SUFFIX, paths_in(asked), overwrite)
    fit_alignment(**asked).save(output)
    _draw(figure, work.found)
    shown.done("align fit", output, work)


def _apply(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
    """Align an image by a transform that was fitted before."""
    from earthloom.prepare.bandpass.transform import Transform
    from earthloom.verbs.align import align

    transform = Transform.load(extra["transform"])
    asked["method"] = transform
    product = align(**asked)
    work.done(product, transform.method, *shown.summary(work.found))


def _check(figure: Path | None, asked: dict[str, Any], work: Work) -> None:
    """Refuse a place for the figure before the work."""
    from earthloom.raster.write.place import require_beside

    require_beside(figure, "the figure", ".png", paths_in(asked), work.run.overwrite)


def _draw(figure: Path | None, found: dict[str, Any]) -> None:
    """The figure, when asked for."""
    if figure is None:
        return
    from earthloom.report.alignment import alignment_picture

    alignment_picture(found["pairs"], figure)
