"""Broken files that once ended in a traceback, a crash or no end: each is read in process, to a value or one line."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import pytest
from bench.fuzz.child import read_spoilt
from bench.fuzz.subject import members
from bench.fuzz.subjects import SUBJECTS

from earthloom.errors import EarthloomError
from earthloom.raster.metadata import mat5
from earthloom.raster.sound import require_sound

pytestmark = pytest.mark.slow
CORPUS = Path(__file__).resolve().parents[1] / "corpus"
READERS = sorted(path.name for path in CORPUS.iterdir())


def valid(name: str, folder: Path) -> tuple[Path, Path]:
    """The valid thing that the cases of a reader are made of."""
    folder.mkdir()
    return folder, SUBJECTS[name].make(folder)


@pytest.mark.parametrize("name", READERS)
def test_a_broken_file_ends_in_a_value_or_in_one_line(name: str, tmp_path: Path) -> None:
    if name.startswith(("pth", "checkpoint", "weights")):
        pytest.importorskip("torch")
    folder, path = valid(name, tmp_path / "valid")
    for case in sorted((CORPUS / name).iterdir()):
        member = next(one for one in members(folder, SUBJECTS[name]) if Path(one).name in case.name)
        data = gzip.decompress(case.read_bytes()) if case.suffix == ".gz" else case.read_bytes()
        place = tmp_path / case.name[:10]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_spoilt(SUBJECTS[name], folder, path, member, data, place)
            except EarthloomError as error:
                assert "\n" not in str(error) and len(str(error)) < 4000, case.name


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()]
    assert max(sizes) <= 4096 and sum(sizes) < 300_000


@pytest.mark.parametrize("name", sorted(SUBJECTS))
def test_what_is_spoilt_was_valid(name: str, tmp_path: Path) -> None:
    """A case says something only if the file that it was made of can be read."""
    if name.startswith(("pth", "checkpoint", "weights")):
        pytest.importorskip("torch")
    folder, path = valid(name, tmp_path / "valid")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "pth_coarsr":  # of which only the beginning is made
            with pytest.raises(EarthloomError, match="head_group_two"):
                SUBJECTS[name].read(path)
        else:
            SUBJECTS[name].read(path)
    assert members(folder, SUBJECTS[name])


def test_a_file_that_its_library_loops_on_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for the library never ends; the limit of processor time does."""
    from earthloom.raster import sound, walk

    script = tmp_path / "walk.py"
    script.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass\n", "utf-8"
    )
    monkeypatch.setattr(walk, "__file__", str(script))
    (tmp_path / "a.nc").write_bytes(sound.START)
    with pytest.raises(EarthloomError, match="does not end"):
        require_sound(tmp_path / "a.nc")
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "utf-8")
    (tmp_path / "b.nc").write_bytes(sound.START)
    with pytest.raises(EarthloomError, match="crash of its library"):
        require_sound(tmp_path / "b.nc")


def test_sizes_of_matlab_files_are_not_believed(tmp_path: Path) -> None:
    """An array of 16 GB in a file of 200 bytes is refused before anything is allocated."""
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    flags = (6).to_bytes(4, "little") + (8).to_bytes(4, "little") + (6).to_bytes(8, "little")
    sides = (5).to_bytes(4, "little") + (8).to_bytes(4, "little") + 2 * (1 << 15).to_bytes(4, "little")
    name = (1 | 1 << 16).to_bytes(4, "little") + b"a\0\0\0"
    numbers = (9).to_bytes(4, "little") + (1 << 31).to_bytes(4, "little") + bytes(16)
    inner = flags + sides + name + numbers
    path = tmp_path / "forged.mat"
    path.write_bytes(head + (14).to_bytes(4, "little") + len(inner).to_bytes(4, "little") + inner)
    with pytest.raises(mat5.Broken, match="2147483648 bytes for 1073741824 numbers of 8"):
        mat5.arrays(path)
    assert mat5.variables(path) == [mat5.Variable("a", (1 << 15, 1 << 15), False)]
