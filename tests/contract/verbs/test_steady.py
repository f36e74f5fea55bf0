"""An input that changes while a product is made of it, at whatever moment, ends the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import earthloom
from earthloom.errors import FileError, InputError
from earthloom.verbs import pipeline
from earthloom.verbs.batching import folder
from tests.contract.runners.test_dates import folders
from tests.contract.verbs.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_it_may_not_change_between_its_opening_and_the_first_tile(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at of it, header and statistics, is of what it was."""
    given, out = case.inputs(tmp_path), tmp_path / "x.tif"
    changed = given[case.one] if isinstance(given[case.one], Path) else given[case.one][0]
    ordinary = pipeline.opened

    def opened(*inputs: Any, **how: Any) -> Any:
        images = ordinary(*inputs, **how)
        os.utime(changed, ns=(1, 1))
        return images

    monkeypatch.setattr(pipeline, "opened", opened)
    with pytest.raises(FileError, match="changed while it was read"):
        case.call(given, output=out, tile_size=16, threads=1)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(("x.tif", ".part"))]


def test_an_image_of_a_series_may_not_change_after_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine, coarse = folders(tmp_path)
    ordinary = folder.prepared_day

    def prepared_day(*given: Any) -> Any:
        for path in coarse.iterdir():
            os.utime(path, ns=(1, 1))
        return ordinary(*given)

    monkeypatch.setattr(folder, "prepared_day", prepared_day)
    with pytest.raises(InputError, match=r"no date could be predicted: .*changed while it was read"):
        earthloom.series(fine, coarse, "starfm", dates=["2020-03-04"], coregister="off", output=tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tif"))
