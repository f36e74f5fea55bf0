"""The page that is shipped: built from the sources beside it, small, with the licences of what is in it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import earthloom

STATIC = Path(earthloom.__file__).parent / "viewer/static"
SOURCES = Path(__file__).resolve().parents[2] / "viewer"


def test_the_page_is_built_from_its_sources() -> None:
    """`make viewer` builds it."""
    names = ["index.html", "package-lock.json", "vite.config.js"]
    names += [f"{folder}/{path.name}" for folder in ("public", "src") for path in (SOURCES / folder).iterdir()]
    each = [hashlib.sha256((SOURCES / name).read_bytes()).hexdigest() for name in sorted(names)]
    assert (STATIC / "SOURCES.sha256").read_text().strip() == hashlib.sha256("".join(each).encode()).hexdigest()


def test_the_page_is_small_and_asks_nobody_else() -> None:
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 1_000_000
    page = (STATIC / "index.html").read_text()
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["/icon.svg", "/viewer.js", "/viewer.css"]
    assert not re.search(r"<script(?![^>]*src=)|<style| on\w+=| style=", page)  # nothing that the policy would refuse
    assert not re.search(r"@import|url\((?!data:)", (STATIC / "viewer.css").read_text())


def test_licences_of_what_is_bundled_are_kept() -> None:
    text = (STATIC / "THIRD-PARTY.txt").read_text()
    for name in ("ol", "rbush", "quickselect"):
        assert re.search(rf"^Name: {name}$", text, re.M), name
    assert "Redistribution and use in source and binary forms" in text
