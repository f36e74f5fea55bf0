"""Write docs/gallery.md from the cards of the methods; with --check only say whether it is up to date."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path

from earthloom.methods import catalog

HERE = Path(__file__).parent
HEAD = """# Methods

Made from the cards by `python docs/make_gallery.py`. M are the interpolated MS bands, P is PAN; the other
symbols are in each text. `halo` counts MS pixels (coarse ones, or those of the image itself in cloud removal and
alignment; methods with a window see half of it too). The fields that all networks
share (`weights`, `precision`, `ensemble`) are told in [networks](networks.md).
"""
PICTURE = """![Methods on one crop of the built-in sample, the best first](img/methods_{0}.jpg)

*What is seen of one crop of the built-in sample is simulated, so that the answer is known; the best first by the root
mean square error in percent of the mean. One such scene ranks nothing elsewhere{1}
(`python docs/make_method_pictures.py {0}`).*
"""
NOTES = {"bandpass": ": what is fitted was fitted to this very answer, which is nearly linear"}
TITLES = {
    "pansharpening": "Pansharpening",
    "spatiotemporal": "Spatiotemporal fusion",
    "sharpening": "Sharpening by several bands",
    "superresolution": "Hyperspectral super-resolution",
    "bandpass": "Bandpass alignment",
    "cloud_removal": "Cloud removal",
}


def flag(name: str, value: object) -> str:
    """As on the command line."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"


def entry(name: str, problem: str) -> str:
    """One method."""
    cls = catalog.find(name, problem)
    card = cls.card
    about = re.sub(r"\n(Parameters|References|Notes|Raises)\n-+\n", r"\n**\1**\n\n", inspect.getdoc(cls) or "")
    about = re.sub(r"^(\w+(?:, \w+)*)\n    (?=\S)", r"* `\1`: ", about, flags=re.M)
    about = re.sub(r"^    (?=\S)", "  ", about, flags=re.M)
    about = about.replace("``", "`")
    original = " ".join(flag(key.replace("_", "-"), value) for key, value in card.published.items())
    original = f"\n\nAs published: `{original}`." if original else ""
    chosen = ", ".join(f"`{f.name}={f.default!r}`" for f in fields(cls)) or "none"
    needs = f"at least {card.min_bands} bands" if card.min_bands > 1 else "any band count"
    reach = f"halo {card.halo}" if card.local else f"not local, at most {card.max_pixels:,} PAN pixels"
    facts = f"{card.family}; {needs}; {reach}; fields: {chosen}; cite `{card.citation}`"
    return f"### `{name}`: {card.title}\n\n*{facts}*\n\n{about}{original}\n"


def main() -> None:
    """Write or check."""
    parts = [HEAD]
    for problem in sorted(catalog.problems(), key=lambda p: list(TITLES).index(p) if p in TITLES else len(TITLES)):
        parts.append(f"## {TITLES.get(problem, problem)}\n")
        if (HERE / f"img/methods_{problem}.jpg").is_file():
            parts.append(PICTURE.format(problem, NOTES.get(problem, "")))
        parts += [entry(name, problem) for name in catalog.names(problem)]
    text = "\n".join(parts)
    target = HERE / "gallery.md"
    if "--check" in sys.argv:
        if not target.exists() or target.read_text() != text:
            sys.exit("docs/gallery.md is out of date: run python docs/make_gallery.py")
        return
    target.write_text(text)


if __name__ == "__main__":
    main()
