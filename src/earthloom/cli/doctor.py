"""`earthloom doctor`: does this installation work?"""

from __future__ import annotations

import json as js
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from earthloom.atomic import write_whole

if TYPE_CHECKING:
    from earthloom.report.doctor import Diagnosis

STYLES = {"ok": "green", "note": "yellow", "broken": "bold red"}


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return doctor


def doctor(
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Also write it to this file, to attach to a bug's report.")
    ] = None,
    overwrite: Annotated[bool, Parameter(help="Replace an existing file.", negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(help="Print JSON.", negative="", show_default=False)] = False,
    self_test: Annotated[bool, Parameter(help="Try it on the built-in sample.", negative="--no-self-test")] = True,
) -> None:
    """Say whether this installation works, and what is missing.

    Versions, formats, memory, devices, the environment, and a test of some seconds. No secrets are shown. The exit
    code is 1 when something that is needed is broken.
    """
    from earthloom.verbs.doctor import doctor as look

    if output is not None:
        from earthloom.raster.write.place import require_place

        require_place(output, overwrite)
    found = look(self_test)
    if json:
        print(js.dumps(found.as_dict(), indent=2))
    elif sys.stdout.isatty():
        _table(found)
    else:
        print(found)
    if output is not None:
        write_whole(output, f"{found}\n".encode())
    if not found.ok:
        raise SystemExit(1)


def _table(found: Diagnosis) -> None:
    """For a terminal."""
    from rich.console import Console
    from rich.table import Table

    console, area = Console(), ""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for one in found.findings:
        if one.area != area:
            table.add_row()
            table.add_row(f"[bold]{one.area}[/bold]")
            area = one.area
        value = one.value if not one.todo else f"{one.value}\n{one.todo}"
        table.add_row(one.name, f"[{STYLES[one.state]}]{one.state}[/]", value.replace("[", r"\["))
    console.print(table)
    console.print("\nnothing is broken" if found.ok else "\nsomething is broken", style="bold")
