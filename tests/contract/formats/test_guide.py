"""docs/add-a-format.md, followed to the letter: as a file in the folder, and as a package with an entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from earthloom.errors import EarthloomWarning, FileError
from earthloom.raster import formats
from earthloom.raster.open import open_image
from earthloom.types import Window

ROOT = Path(__file__).resolve().parents[3]
RUN = "from earthloom.cli.main import run; run()"  # what the command does


def block(language: str) -> str:
    page = (ROOT / "docs/add-a-format.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)[0]


def tally(path: Path) -> np.ndarray:
    counts = (np.arange(6 * 20 * 16).reshape(6, 20, 16) * 37) % 1000
    counts[:, 3, 4] = -1
    path.write_text("6 20 16\n450 550 650 750 850 950\n" + " ".join(map(str, counts.ravel())))
    return counts


@pytest.fixture
def afresh() -> Iterator[None]:
    formats.formats.cache_clear()
    yield
    formats.formats.cache_clear()
    sys.modules.pop("earthloom.raster.formats.tally", None)


def installed(folder: Path, value: str) -> None:
    """What pip leaves of a package with an entry point."""
    project = tomllib.loads(block("toml"))["project"]
    about = folder / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (about / "entry_points.txt").write_text(f"[earthloom.formats]\ntally = {value}\n")


def test_a_file_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afresh: None) -> None:
    before = [one.name for one in formats.formats() if one.rank == 50]
    formats.formats.cache_clear()
    (tmp_path / "tally.py").write_text(block("python"))
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    counts = tally(tmp_path / "field.tally")
    assert [one.name for one in formats.formats() if one.rank == 50] == [
        *before,
        "tally",
    ] and ".tally" in formats.suffixes()
    assert [path.name for path in formats.images_in(tmp_path)] == ["field.tally"]
    with open_image(tmp_path / "field.tally", bands=[6, 1]) as image:
        data, valid = image.read(Window(2, 3, 5, 4))
        assert image.wavelengths_nm == (950, 450) and valid.sum() == 19 and not valid[1, 1]
    np.testing.assert_allclose(data[:, valid], 0.01 * counts[[5, 0], 2:7, 3:7][:, valid], rtol=1e-6)
    for wrong in ("6 20 16\n450\n1 2 3", "2 1 2\n450 550 650\n1 2 3 4"):
        (tmp_path / "short.tally").write_text(wrong)
        with pytest.raises(FileError, match=r"short\.tally cannot be read"):
            open_image(tmp_path / "short.tally")


def test_a_package_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text("")
    (tmp_path / "my_package" / "tally.py").write_text(block("python"))
    installed(tmp_path, tomllib.loads(block("toml"))["project"]["entry-points"]["earthloom.formats"]["tally"])
    tally(tmp_path / "field.tally")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    for line in block("sh").splitlines():
        program, *words = line.split()
        assert program == "earthloom"
        done = subprocess.run(
            [sys.executable, "-c", RUN, *words], cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "fine.tif") as file:
        assert (file.count, *file.shape) == (6, 40, 32)


def test_one_that_does_not_load_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afresh: None) -> None:
    before = [one.name for one in formats.formats()]
    formats.formats.cache_clear()
    installed(tmp_path, "no_such_package:Tally")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(EarthloomWarning, match=r"the format tally of no_such_package:Tally is left out"):
        found = formats.formats()
    assert [one.name for one in found] == before and before[-1] == "gdal"
