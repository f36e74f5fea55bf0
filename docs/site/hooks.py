"""What mkdocs asks while it builds: generated pages, links out of docs/, and a nav that never breaks a build."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import pages  # noqa: E402

OF_ROOT = ("BENCHMARKS.md", "CHANGELOG.md", "CONTRIBUTING.md")  # pages that lie beside docs/
HOME = {"README.md": "index.md", "LICENSE": "index.md", "CITATION.cff": "index.md"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s:]+?)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```)", re.M | re.S)


def on_config(config: Any) -> Any:
    """Leave out what the nav names and nobody has written, so that it may be named before."""
    made = {*OF_ROOT, *pages.GENERATED}
    config.nav = _there(config.nav, made)
    return config


def _there(nav: list[Any], made: set[str]) -> list[Any]:
    """The entries that lead to a page."""
    kept: list[Any] = []
    for entry in nav:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if title == "Commands":
            kept.append({title: [target, *pages.COMMAND_PAGES]})
        elif isinstance(target, list):
            if inner := _there(target, made):
                kept.append({title: inner})
        elif target in made or (ROOT / "docs" / target).is_file():
            kept.append(entry)
    return kept


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made now; what no nav names stands at its end, under More."""
    for name in OF_ROOT:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    for name, write in pages.GENERATED.items():
        files.append(File.generated(config, name, content=write()))
    named = set(_targets(config.nav))
    left = [
        one.src_uri
        for one in files.documentation_pages()
        if one.src_uri not in named and one.inclusion is not InclusionLevel.EXCLUDED
    ]
    if left:
        config.nav.append({"More": left})
    return files


def _targets(nav: list[Any]) -> list[str]:
    """Pages of a nav."""
    found: list[str] = []
    for entry in nav:
        target = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += _targets(target) if isinstance(target, list) else [target]
    return found


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links that leave docs/ lead to the pages made of their targets; to sources, they become plain text."""
    uri = page.file.src_uri
    at = posixpath.dirname(uri) if uri in OF_ROOT else posixpath.join("docs", posixpath.dirname(uri))

    def moved(match: re.Match[str]) -> str:
        picture, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        whole = posixpath.normpath(posixpath.join(at, target))
        inside = whole.removeprefix("docs/") if whole.startswith("docs/") else HOME.get(whole, whole)
        if whole.startswith("docs/") and uri not in OF_ROOT:
            return match[0]
        if not whole.startswith("docs/") and inside not in OF_ROOT and inside not in HOME.values():
            return text if text.startswith("`") else f"{text} (`{whole}`)"
        near = posixpath.relpath(inside, posixpath.dirname(uri) or ".")
        return f"{picture}[{text}]({near}{anchor})"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)
