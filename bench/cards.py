"""Weights that travel with the package, each with its card as a page beside it.

python -m bench.cards NAME ...   (after a page was corrected by hand: its texts go into the file, whose tensors stay)
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from earthloom.weights import store as weights
from earthloom.weights.header import FOLDER, SUFFIX

MUST = ("data", "licence", "steps", "hardware", "not for", "recipe")  # what every card says
FIGURES = (  # names that figures go by, on data that was never seen
    "figures", "sensors it never saw", "scenes it never saw", "20 to 10 m",
    "relative RMSE in percent on ground held out",
)  # fmt: skip
UNKNOWN = "not recorded"


def hardware(card: Mapping[str, Any]) -> str:
    """What a network was trained on: what its run recorded, or a thread of the processor that is here."""
    return str(card.get("hardware") or f"1 thread of an {platform.processor() or 'x86-64'} CPU")


def write_card(path: Path, method: str, about: str, card: dict[str, Any]) -> None:
    """The page of some weights: what they are of, then all that the card says; prints how large the weights are."""
    lines = [f"# {path.stem}", "", f"Weights of `{method}`{about}.", ""]
    lines += [f"* {key.replace('_', ' ')}: {words(value)}" for key, value in card.items()]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path.name, path.stat().st_size, flush=True)


def page(name: str) -> dict[str, str]:
    """What the page of some weights says, line by line."""
    lines = (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
    found = [line[2:].partition(": ") for line in lines if line.startswith("* ")]
    return {key: value for key, _, value in found}


def correct(name: str) -> None:
    """Take what a page says otherwise than its file into the file."""
    header, tensors = weights.read(name)
    keys = {key.replace("_", " "): key for key in header.card}
    told = page(name)
    kept = {key: header.card.get(keys.get(key, key), "") for key in told}
    new = {keys.get(key, key): told[key] for key, was in kept.items() if isinstance(was, str) and was != told[key]}
    if new:
        card = {key: value for key, value in header.card.items() if key.replace("_", " ") in told} | new
        weights.write(FOLDER / f"{name}{SUFFIX}", replace(header, card=card), tensors, half=True)
        print(name, *new, flush=True)


def words(value: Any) -> str:
    """A value of a card as a line of text."""
    if isinstance(value, dict):
        nested = any(isinstance(one, dict | list | tuple) for one in value.values())
        return ("; " if nested else ", ").join(f"{key} {words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(words(one) for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        correct(chosen)
