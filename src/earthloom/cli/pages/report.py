"""`earthloom report`: a page about a product or a folder, as one file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from earthloom.cli.screen import Screen, show_warnings


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return report


def report(
    product: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    look_in: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    reference: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", show_default=False)] = False,
) -> None:
    """Write a page about a product, or a folder of them: pictures, figures, maps, in one file.

    It opens in any browser, asks nothing of any network, and prints. Inputs that no longer lie where they did are
    named, and the rest goes on. Every command that makes a product writes the same with `--report`.

    Parameters
    ----------
    product
        A product, a folder of products of a series or a batch, or the folder of a training run.
    output
        HTML file to write (default: NAME.html beside the product, report.html in the folder).
    look_in
        Folders where inputs of the product may lie.
    reference
        The truth on the same grid: beside it the product is judged and shown.
    overwrite
        Replace an existing page.
    quiet
        No line at the end; warnings stay.
    """
    from earthloom.verbs.report import report as make

    with Screen(quiet) as screen, warnings.catch_warnings():
        show_warnings(screen)
        place = make(product, output, look_in=look_in or (), reference=reference, overwrite=overwrite)
        screen.done(str(place))
