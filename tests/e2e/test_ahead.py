"""Long work away from a terminal says beforehand how long it will take; short work says nothing."""

from __future__ import annotations

import time

import pytest

from earthloom.cli.screen import Screen


def lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], each_s: float, tiles: int, quiet: bool = False
) -> list[str]:
    """What is said of so many tiles, each of which takes so long by a clock of our own."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    screen = Screen(quiet)
    for stage in ("measuring", "fusing"):
        for done in range(1, tiles + 1):
            now[0] += each_s if stage == "fusing" else 0.1
            screen.progress(stage, done, tiles)
    return capsys.readouterr().err.splitlines()


def test_the_time_is_told_after_the_first_tile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = lines(monkeypatch, capsys, 10.0, 31)
    assert told[0] == "fusing: 1 of 31, about 5 min left"
    assert told[1] == "fusing: 7 of 31, about 4 min left" and told[2] == "fusing: 19 of 31, about 2 min left"
    assert len(told) == 3  # a minute later, then two, then four
    assert lines(monkeypatch, capsys, 300.0, 100)[0] == "fusing: 1 of 100, about 8.2 h left"


def test_short_and_quiet_work_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(monkeypatch, capsys, 0.2, 31) == []
    assert lines(monkeypatch, capsys, 10.0, 31, quiet=True) == []
