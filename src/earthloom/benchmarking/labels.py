"""Names with fields behind colons, as they are typed: ``mtf_glp_hpm:refine=10``, ``cave_held:ratio=2``."""

from __future__ import annotations

import re
from typing import Any

from earthloom.documents import toml

FIELD = re.compile(r":(?=[\w.]+=)")  # between fields; the colon of a drive has no equals sign behind it


def parted(label: str) -> tuple[str, dict[str, str]]:
    """The name, and its fields as texts."""
    name, *rest = FIELD.split(label)
    pairs = (part.partition("=") for part in rest)
    return name, {key: value for key, _, value in pairs}


def value_of(text: str) -> Any:
    """A value that was typed: true, false, none, a whole number, a number, a text."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def toml_value(text: str) -> Any:
    """A value as TOML has it, lists too; anything else is a text."""
    try:
        return toml(f"value = {text}")["value"]
    except (ValueError, KeyError):
        return text
