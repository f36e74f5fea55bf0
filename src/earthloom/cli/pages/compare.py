"""`earthloom compare VERB`: several methods on the same images, ranked; made of the verbs."""

from __future__ import annotations

import json as js
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App

from earthloom.cli import verbs
from earthloom.cli.running import Work
from earthloom.cli.screen import strict
from earthloom.errors import InputError
from earthloom.verbs import names
from earthloom.verbs.flags import FILE, OUTPUT, Flag

LINE = "Run several methods on the same images, and say which suits them."
OPTIONS = (
    ("methods", list[str], "Names of methods, with spaces or commas between.", Flag(group="Files", required=True)),
    ("output", Path, "HTML page to write, with pictures side by side.", OUTPUT),
    ("reference", str, "The truth on the grid of the products: they are judged against it, too.", FILE),
    ("keep", Path, "Folder for the products, which are not kept otherwise.", Flag(group="Files")),
    ("json", bool, "Print JSON.", Flag(group="Files")),
)  # fmt: skip
WITHOUT = ("method", "output", "refine")


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """An application with a command for every verb that makes one product."""
    words = [word for word in arguments if not word.startswith("-")]
    app = App(name=name, help=LINE, help_format="markdown", result_action="return_value")
    every = [verb for verb in names.commands() if verb != "series"]
    job = next(iter(words[1:]), "")
    if job not in every and arguments[1:] and not {"--help", "-h"} & set(arguments):
        raise InputError(
            f"methods of no job: `earthloom {' '.join(arguments[:2])}`",
            f"one of {', '.join(every)}",
            "such as `earthloom compare pansharpen --pan pan.tif ...`",
        )
    for verb in [job] if job in every else every:
        more = [verbs.extra(*option, default=False if option[1] is bool else None) for option in OPTIONS]
        made = verbs.command(verb, ["-m", "auto", *arguments], more, _act(verb), WITHOUT)
        made.__doc__ = f"Compare methods of `earthloom {verb}` on the same images."
        app.command(made, name=verb)
    return app  # type: ignore[return-value]


def _act(verb: str) -> Callable[[dict[str, Any], dict[str, Any], Work], None]:
    """What is done instead of calling the verb."""

    def act(asked: dict[str, Any], extra: dict[str, Any], work: Work) -> None:
        from earthloom.verbs.compare import compare

        asked.pop("method", None)
        run, as_json = asked.pop("run"), extra.pop("json", False)
        found = compare(verb, extra.pop("methods"), extra.pop("output"), run=run, **extra, **asked)
        work.screen.clear()
        print(js.dumps(strict(found.as_dict()), indent=2, allow_nan=False) if as_json else found)
        if found.page is not None:
            work.done(found.page)

    return act
