"""The documentation as a site: it builds without a warning, every link and anchor within it leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install 'earthloom[docs]'")
pytest.importorskip("material", reason="mkdocs-material is not installed")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")

ROOT = Path(__file__).resolve().parents[1]


class Links(HTMLParser):
    """What a page points at, and what can be pointed at in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.asked: list[str] = []  # what a browser loads by itself
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links and anchors."""
        found = dict(attrs)
        self.anchors |= {found[key] or "" for key in ("id", "name") if key in found}
        if tag == "a" and found.get("href"):
            self.targets.append(found["href"] or "")
        loads = {"script": "src", "img": "src", "link": "href"}.get(tag)
        if loads and found.get(loads) and found.get("rel") not in ("canonical", "next", "prev"):
            self.asked.append(found[loads] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert "WARNING" not in done.stderr, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    """Every page by its file."""
    found = {}
    for path in site.rglob("*.html"):
        found[path] = Links()
        found[path].feed(path.read_text(encoding="utf-8"))
    return found


def test_links_and_anchors_lead_somewhere(site: Path, pages: dict[Path, Links]) -> None:
    """Those that leave the site are counted on to be addresses, and are not asked."""
    lost = []
    for path, page in pages.items():
        for target in page.targets if path.name != "404.html" else ():
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme in ("http", "https", "mailto"), f"{path}: {target}"
                continue
            there = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            there = there / "index.html" if there.is_dir() else there
            anchored = not parts.fragment or (there in pages and unquote(parts.fragment) in pages[there].anchors)
            if not there.is_file() or not anchored:
                lost.append(f"{path.relative_to(site)}: {target}")
    assert not lost, "\n".join(lost)


def test_pages_ask_nothing_of_others(pages: dict[Path, Links]) -> None:
    """No fonts, scripts or pictures from elsewhere: the site reads without a network."""
    for path, page in pages.items():
        assert not [one for one in page.asked if urlsplit(one).netloc], path


def test_every_command_and_public_name_has_its_place(site: Path, pages: dict[Path, Links]) -> None:
    import earthloom
    from earthloom.cli.commands import COMMANDS

    for name in COMMANDS:
        text = (site / f"reference/commands/{name}/index.html").read_text(encoding="utf-8")
        assert f"earthloom {name}" in text and ("<strong>" in text or "COMMAND" in text)
    anchors = pages[site / "reference/python/index.html"].anchors
    ends = {anchor.rpartition(".")[2] for anchor in anchors}
    for name in set(earthloom.__all__) - {"__version__"}:
        assert name in ends, name


def test_every_citation_of_a_method_is_among_the_references(pages: dict[Path, Links], site: Path) -> None:
    from earthloom.methods import catalog

    anchors = pages[site / "reference/references/index.html"].anchors
    for problem in catalog.problems():
        for name in catalog.names(problem):
            assert catalog.find(name, problem).card.citation in anchors, name


def test_the_nav_names_every_page_that_is_in_the_repository() -> None:
    """What it does not name stands under More, which is for the time until somebody does."""
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert len(there - named) <= 3, sorted(there - named)
