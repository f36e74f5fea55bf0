"""Weights that travel with the package, each with its card as a page beside it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def hardware(card: Mapping[str, Any]) -> str:
    """What a network was trained on: what its run recorded, or a thread of the processor that is here."""
    return str(card.get("hardware") or f"1 thread of an {platform.processor() or 'x86-64'} CPU")


def write_card(path: Path, method: str, about: str, card: dict[str, Any]) -> None:
    """The page of some weights: what they are of, then all that the card says; prints how large the weights are."""
    lines = [f"# {path.stem}", "", f"Weights of `{method}`{about}.", ""]
    lines += [f"* {key.replace('_', ' ')}: {words(value)}" for key, value in card.items()]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path.name, path.stat().st_size, flush=True)


def words(value: Any) -> str:
    """A value of a card as a line of text."""
    if isinstance(value, dict):
        nested = any(isinstance(one, dict | list | tuple) for one in value.values())
        return ("; " if nested else ", ").join(f"{key} {words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(words(one) for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
