"""Archives list and read like the folders in them."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earthloom import small
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.open import open_image
from earthloom.raster.places import inside, place
from tests.contract.formats.samples import numbers, plain


def zipped(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def tarred(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz" if path.suffix in (".tgz", ".gz") else "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


KINDS = [(zipped, "a.zip"), (tarred, "a.tar"), (tarred, "a.tgz"), (tarred, "a.tar.gz")]


@pytest.mark.parametrize(("pack", "name"), KINDS)
def test_an_archive_lists_like_its_folder(tmp_path: Path, pack: Callable[..., None], name: str) -> None:
    pack(tmp_path / name, {"top/b.txt": b"two", "top/in/a.txt": b"one", "c.txt": b"three"})
    root = inside(tmp_path / name)
    assert root.is_dir() and [path.name for path in root.iterdir()] == ["c.txt", "top"]
    top = root / "top"
    assert top.is_dir() and not top.is_file() and [path.member for path in top.iterdir()] == ["top/b.txt", "top/in"]
    assert sorted(path.member for path in root.rglob("*.txt")) == ["c.txt", "top/b.txt", "top/in/a.txt"]
    assert (top / "in" / "a.txt").read_text() == "one" and not (root / "d.txt").exists()
    again = pickle.loads(pickle.dumps(place(str(top / "b.txt"))))
    assert again == top / "b.txt" and again.archive == tmp_path / name and again.read_bytes() == b"two"
    assert top.parent.in_archive and not root.parent.in_archive


@pytest.mark.parametrize(("pack", "name"), KINDS)
def test_the_only_image_of_an_archive_is_opened(tmp_path: Path, pack: Callable[..., None], name: str) -> None:
    image = plain(tmp_path / "scene.tif", numbers()).read_bytes()
    pack(tmp_path / name, {"deep/er/scene.tif": image, "README.md": b"no image"})
    with open_image(tmp_path / name, bands=[2]) as opened:
        np.testing.assert_array_equal(opened.read()[0], numbers()[1:2])
    pack(tmp_path / name, {"one.tif": image, "two.tif": image})
    with pytest.raises(InputError, match=r"holds 2 images \(one.tif, two.tif\); expected .*; name one: /vsi"):
        open_image(tmp_path / name)
    with open_image(str(inside(tmp_path / name) / "two.tif")) as opened:
        assert opened.count == 6


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
def test_a_broken_archive_is_one_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = zipped if name == "a.zip" else tarred
    pack(tmp_path / name, {"scene.tif": bytes(range(256)) * 400})
    whole = (tmp_path / name).read_bytes()
    for keep in (0, 10, len(whole) // 2):
        (tmp_path / name).write_bytes(whole[:keep])
        with pytest.raises(EarthloomError, match=name, check=lambda error: "\n" not in str(error)):
            open_image(tmp_path / name)
    with pytest.raises(FileError, match=r"none\.zip cannot be opened: No such file"):
        open_image(tmp_path / "none.zip")
    monkeypatch.setattr(small, "LARGEST", 1000)
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(FileError, match="metadata of at most"):
        (inside(tmp_path / name) / "scene.tif").read_bytes()
