"""Tutorials run as they stand: every command and every block of Python, in an empty folder, to the output they show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from earthloom.cli.demo import Job
from earthloom.verbs.sampling.scenes import SCENES, write_scene

from .conftest import Cli

PAGES = sorted(path for path in (Path(__file__).parents[2] / "docs/tutorials").glob("*.md") if path.stem != "index")
SECONDS = re.compile(r"took (?:\d+ h |\d+ min )?[\d.]+ (?:s|ms|min): ")  # however long it was


def said(line: str) -> list[str | float]:
    """Words and numbers of a line; the time that it took is left out."""
    words = SECONDS.sub("", line.strip()).split()
    return [pytest.approx(float(word), rel=0.02) if re.fullmatch(r"-?\d+\.\d+", word) else word for word in words]


def follow(block: str, cli: Cli) -> None:
    """Each line behind a dollar, and beneath it what it prints."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        line, *shown = part.replace("\\\n", " ").strip().splitlines()
        words = shlex.split(line)
        assert words[0] == "earthloom"
        done = cli(*words[1:])
        assert done.code == 0, f"{line}\n{done.err}"
        printed = [SECONDS.sub("", one.strip()).split() for one in (done.out + done.err).splitlines()]
        for one in shown:
            expected = said(one)
            assert any(_same(expected, words) for words in printed), f"{one!r} is not what {line} printed:\n{done.out}"


def _same(expected: list, words: list[str]) -> bool:
    if len(expected) != len(words):
        return False
    return all(a == (b if isinstance(a, str) else _number(b)) for a, b in zip(expected, words, strict=True))


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_says(page: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(console|python)\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    assert blocks
    for kind, text in blocks:
        if kind == "console":
            follow(text, cli)
        else:
            exec(compile(text, page.name, "exec"), {})


def test_every_scene_can_be_asked_for_and_nothing_is_replaced(cli: Cli, tmp_path: Path) -> None:
    """The command names the scenes there are, says what to type, and keeps what stands there."""
    assert set(Job.__args__) == {"pansharpen", *SCENES}  # type: ignore[attr-defined]
    first = cli("demo", "align", "-o", tmp_path / "a b")
    assert first.code == 0, first.err
    assert "'" + str(tmp_path / "a b") + "'/sentinel2.tif" in first.out  # quoted, so that it can be typed
    again = cli("demo", "align", "-o", tmp_path / "a b")
    assert again.code == 2 and "--overwrite" in again.err
    assert cli("demo", "align", "-o", tmp_path / "a b", "--overwrite", "--json").code == 0


def test_a_scene_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_scene("decloud", tmp_path / name)
    for name in SCENES["decloud"]().files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
