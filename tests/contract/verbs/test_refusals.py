"""What stands in the way of a product is said before a byte of the inputs is read, by every verb in the same words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthloom.errors import FileError, InputError
from tests.contract.verbs.cases import CASES, Case, arrays

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing may be opened."""

    def opened(*_: Any, **__: Any) -> Any:
        raise AssertionError("an input was read before the output was refused")

    monkeypatch.setattr("earthloom.raster.handles.open_file", opened)
    monkeypatch.setattr("earthloom.engine.inputs.open_image", opened)
    monkeypatch.setattr("earthloom.raster.readers.open_file", opened)
    yield


@each
def test_an_output_that_exists(case: Case, tmp_path: Path, unread: None) -> None:
    given, out = case.inputs(tmp_path), tmp_path / "there.tif"
    out.write_bytes(b"something")
    with pytest.raises(FileError, match=r"there\.tif exists"):
        case.call(given, output=out)
    assert out.read_bytes() == b"something"


@each
def test_an_output_that_is_an_input(case: Case, tmp_path: Path, unread: None) -> None:
    given = case.inputs(tmp_path)
    before = Path(given[case.one]).read_bytes()
    with pytest.raises(InputError, match="is an input"):
        case.call(given, output=given[case.one], overwrite=True)
    assert Path(given[case.one]).read_bytes() == before


@each
@pytest.mark.parametrize("name", ["x.dat", "x.png", "x.jp2", "x.nc", "x.h5"])
def test_a_name_that_promises_another_format(case: Case, name: str, tmp_path: Path, unread: None) -> None:
    with pytest.raises(InputError, match=r"call it x\.tif"):
        case.call(case.inputs(tmp_path), output=tmp_path / name)
    assert not (tmp_path / name).exists()


@each
def test_a_folder_that_is_missing(case: Case, tmp_path: Path, unread: None) -> None:
    with pytest.raises(FileError, match="does not exist"):
        case.call(case.inputs(tmp_path), output=tmp_path / "nowhere" / "x.tif")


@each
def test_a_folder_for_a_file(case: Case, tmp_path: Path, unread: None) -> None:
    (tmp_path / "x.tif").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        case.call(case.inputs(tmp_path), output=tmp_path / "x.tif", overwrite=True)


@each
def test_paths_among_arrays(case: Case, tmp_path: Path, unread: None) -> None:
    given = case.inputs(tmp_path)
    if len(given) == 1:
        given["target" if case.verb == "align" else "mask"] = np.ones((1, 4, 4), np.uint8)
        if case.verb not in ("align", "decloud"):
            pytest.skip("one input alone")
    else:
        given[case.one] = np.ones((1, 4, 4), np.uint8)
    with pytest.raises(InputError, match="all of one kind") as refused:
        case.call(given)
    assert len(str(refused.value)) < 300  # and no array is printed


@each
def test_a_file_for_arrays(case: Case, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="output= with arrays"):
        case.call(arrays(case.inputs(tmp_path)), output=tmp_path / "x.tif")


@each
def test_nothing_is_left_behind(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, folder = case.inputs(tmp_path), tmp_path / "out"
    folder.mkdir()

    def broken(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("earthloom.verbs.pipeline.execute", broken)
    with pytest.raises(KeyboardInterrupt):
        case.call(given, output=folder / "x.tif")
    assert os.listdir(folder) == []
