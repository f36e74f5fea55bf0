"""What the commands of the verbs show: the help above the flags, and the line at the end."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from earthloom.cli.fields import told_in
from earthloom.cli.running import Work
from earthloom.report.words import under_clouds

WORDS = ("auto",)  # stand where the name of a method could, and are none
SECTION = re.compile(r"^(Parameters|Returns|Raises|Examples|References|Notes)\n-+$", re.M)
PYTHON = re.compile(r"\s*In Python:.*\Z", re.S)  # what a docstring says for programs alone, to the end of a paragraph


def helps(call: Callable[..., Any]) -> dict[str, str]:
    """What a docstring says about each parameter, without what concerns Python alone."""
    told = told_in(inspect.getdoc(call) or "")
    return {name: PYTHON.sub("", text).replace("``", "`") for name, text in told.items()}


def manual(call: Callable[..., Any], examples: bool) -> str:
    """The docstring above its parameters, and the commands among its examples where nobody else shows any."""
    text = inspect.getdoc(call) or ""
    parts = SECTION.split(text)
    head = "\n\n".join(PYTHON.sub("", block) for block in parts[0].strip().split("\n\n"))
    commands = re.findall(r"^\s*\$ (earthloom .*)$", text, re.M)
    shown = "\n\n".join(f"    {line}" for line in commands)
    words = f"{head}\n\nFor example:\n\n{shown}" if commands and examples else head
    return re.sub(r":(?:func|class|mod):`(?:[\w.]*\.)?(\w+)`", r"`\1`", words).replace("``", "`").strip()


def done(verb: str, product: Any, work: Work) -> None:
    """The last line of a command."""
    if isinstance(product, Path):
        work.done(product, *summary(work.found))


def summary(found: Mapping[str, Any]) -> list[str]:
    """What was found out on the way, in short."""
    parts = []
    if "moved_px" in found:
        parts.append("coarse images moved {:+.1f} rows, {:+.1f} columns".format(*found["moved_px"]))
    parts += found.get("registered", [])
    if "matched" in found:
        parts.append("matched by regression")
    if "pairs" in found:
        before, after = found["pairs"].rmse_percent()
        parts.append(f"{found['pairs'].method}: {before:.3g} -> {after:.3g} % off the target")
    if "assumed_bands" in found:
        parts.append(f"bands taken for {found['assumed_bands']} by their order (--bands says otherwise)")
    if "ratio" in found:
        parts.append(f"{found['ratio']:g} times finer")
    if "before_percent" in found:
        parts.append("residual {before_percent:.3g} -> {after_percent:.3g} %".format(**found))
    parts += under_clouds(found)
    if "preview" in found:
        parts.append(f"preview {found['preview']}")
    if "report" in found:
        parts.append(f"page {found['report']}")
    return parts
