"""Nothing that a user has is lost, and nothing half-made stays: outputs that are inputs, full disks, stops."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from earthloom import atomic, series
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.raster.steady import files_behind, require_unchanged, stamps
from earthloom.raster.write.place import require_apart, require_beside, require_other
from earthloom.verbs.convert import convert
from tests.e2e.conftest import Cli, Done, fine_truth, grid, observed, put


def held(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def refused(done: Done, *words: str) -> None:
    """One line that says so."""
    assert done.code == 2 and done.err.count("\n") == 1 and "a bug" not in done.err, done.err
    assert all(word in done.err for word in words), done.err


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Two scenes of PAN and MS."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for number in (1, 2):
        pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((64, 64), 4, number)))
        put(folder / f"{number}_pan.tif", pan, grid(1))
        put(folder / f"{number}_ms.tif", ms, grid(4))
    return folder


def stack(path: Path, count: int = 2) -> Path:
    """A data set in HDF5."""
    truth = np.stack([fine_truth((64, 64), 4, seed) for seed in range(count)]).astype("float32")
    coarse = truth.reshape(count, 4, 16, 4, 16, 4).mean((3, 5))
    with h5py.File(path, "w") as file:
        file["gt"], file["ms"], file["pan"], file["lms"] = truth, coarse, truth.mean(1, keepdims=True), truth
    return path


Named = Callable[[Path], Path]
NAMES: dict[str, Named] = {
    "itself": lambda path: path,
    "up and down": lambda path: path.parent / "sub" / ".." / path.name,
    "symbolic link": lambda path: _linked(path, os.symlink),
    "hard link": lambda path: _linked(path, os.link),
    "linked folder": lambda path: _linked(path.parent, os.symlink) / path.name,
}


def _linked(path: Path, link: Callable[[Path, Path], None]) -> Path:
    """Another name of a file or a folder."""
    other = path.parent / f"other{path.suffix}"
    link(path, other)
    return other


@pytest.mark.parametrize("name", NAMES)
def test_an_input_by_another_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    path = stack(tmp_path / "in" / "d.h5")
    place, before = NAMES[name](path), path.read_bytes()
    with pytest.raises(InputError, match=r"is an input|lies in the input"):
        convert(path, place, "generic", patch=16, overwrite=True)
    for inputs in ([f"{path}:pan"], [f'HDF5:"{path}"://pan'], [f"file://{path}"], [str(path.parent / "*.h5")]):
        with pytest.raises(InputError, match="is an input"):
            require_other(place, inputs)
    with pytest.raises(InputError, match="lies in the input"):
        require_other(place, [path.parent], folders=True)
    assert path.read_bytes() == before


def test_what_an_address_stands_for(tmp_path: Path) -> None:
    odd = tmp_path / "a:b#c.tif"
    for path in (odd, tmp_path / "x.zip", tmp_path / "x.nc"):
        path.write_bytes(b"")
    zipped = tmp_path / "x.zip"
    assert files_behind(odd) == [odd]
    assert files_behind(f"/vsizip/{{{zipped}}}/a/b.tif") == files_behind(f"/vsizip/{zipped}/b.tif") == [zipped]
    assert files_behind(f'NETCDF:"{tmp_path / "x.nc"}":red') == [tmp_path / "x.nc"]
    assert files_behind("https://example.org/x.tif") == files_behind("x" * 5000) == []


def test_files_that_an_input_is_made_of(tmp_path: Path) -> None:
    image = put(tmp_path / "a.tif", np.ones((1, 8, 8), "u1"), grid(1))
    around = '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>{}' \
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"  # fmt: skip
    virtual = tmp_path / "v.vrt"
    virtual.write_text(around.format(f"<SourceFilename>{image}</SourceFilename>"))
    with pytest.raises(InputError, match=r"a\.tif belongs to the input v\.vrt"):
        require_other(image, [virtual])
    put(tmp_path / "b.tiff", np.ones((1, 8, 8), "u1"), None)
    (tmp_path / "b.tfw").write_text("1\n0\n0\n-1\n0\n0\n")  # goes with an earlier b.tif
    with pytest.raises(InputError, match=r"b\.tfw, which goes with an earlier b\.tif,"):
        require_other(tmp_path / "b.tif", [tmp_path / "b.tiff"])
    put(tmp_path / "c", np.ones((1, 8, 8), "u1"), grid(1), driver="ENVI")
    for place in ("c", "c.hdr"):
        with pytest.raises(InputError, match="input"):
            require_other(tmp_path / place, [tmp_path / "c"])


def test_folders_of_inputs(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    image = put(inner / "x.tif", np.ones((1, 8, 8), "u1"), grid(1))
    for folder in (inner, inner / "..", tmp_path):
        with pytest.raises(InputError, match=r"is a folder of the inputs|holds the input"):
            require_apart(folder, [image], whole=True)
    require_apart(tmp_path, [image])
    with pytest.raises(InputError, match="is a folder of the inputs"):
        require_apart(inner, [str(inner)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link.tif").symlink_to(image)
    with pytest.raises(InputError, match="is a folder of the inputs"):
        require_apart(inner, [tmp_path / "out" / "link.tif"])  # what would be written through the link
    with pytest.raises(InputError, match="a PNG"):
        require_beside(image, "the figure", ".png", [], overwrite=True)


def test_conversions_over_what_is_there(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    before = held(scenes)
    words = ("dataset", "convert", scenes, "--sensor", "generic", "--full", "--overwrite", "-q", "-o")
    refused(cli(*words, scenes), "no part of a data set")
    refused(cli(*words, tmp_path), "no part of a data set")
    out = tmp_path / "d"
    assert cli(*words, out).code == 0 and sorted(one.name for one in out.iterdir()) == ["dataset.json", "ms", "pan"]
    refused(cli("dataset", "convert", out, "--sensor", "generic", "--full", "--overwrite", "-q", "-o", out), "inputs")
    (out / "notes.txt").write_text("mine")
    refused(cli(*words, out), "notes.txt")
    (out / "notes.txt").unlink()
    (out / "pan" / "old.tif").write_bytes(b"of an earlier set")
    assert cli(*words, out).code == 0 and not (out / "pan" / "old.tif").exists()
    assert held(scenes) == before and not [name for name in held(tmp_path) if "draft" in name or "before" in name]


@pytest.mark.slow
def test_a_conversion_that_is_stopped(scenes: Path, tmp_path: Path) -> None:
    """By an error, by a signal that cannot be caught, and by an input that changes: what was there stays."""
    out = tmp_path / "d"
    convert(scenes, out, "generic", full=True)
    before = held(out)

    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    def touch(stage: str, done: int, total: int) -> None:
        os.utime(scenes / "1_pan.tif", ns=(1, 1))

    for listener, error in ((stop, KeyboardInterrupt), (touch, FileError)):
        for place in (out, tmp_path / "new", tmp_path / "new.h5"):
            with pytest.raises(error):
                convert(scenes, place, "generic", full=True, patch=16, overwrite=True, progress=listener)
            assert held(out) == before and sorted(one.name for one in tmp_path.iterdir()) == ["d", "scenes"]
            os.utime(scenes / "1_pan.tif", ns=(2, 2))
    killed = "import os, sys; from earthloom.verbs.convert import convert; kill = lambda *_: os._exit(9); " \
        "convert(sys.argv[1], sys.argv[2], 'generic', full=True, progress=kill)"  # fmt: skip
    place = tmp_path / "half"
    assert subprocess.run([sys.executable, "-c", killed, str(scenes), str(place)], check=False).returncode == 9
    assert [one.name for one in place.iterdir() if not one.name.startswith("unfinished-")] == []
    with pytest.raises(FileError, match=r"no whole data set.*stopped"):
        convert(place, tmp_path / "x.h5", "generic")
    convert(scenes, place, "generic", full=True)  # needs no leave to replace it
    assert sorted(one.name for one in place.iterdir()) == ["dataset.json", "ms", "pan"]


LIMITED = """
import resource, sys
from earthloom.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
run(sys.argv[2:])
"""


def limited(count: int, *words: Any) -> Done:
    """A command in a process whose files may hold so many bytes: what a full disk does, whoever runs the tests."""
    pytest.importorskip("resource")
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # whose caches are files too
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(count), *map(str, words)], capture_output=True, text=True, env=env,
        check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("output", ["d.h5", "tif", "mat"])
def test_a_full_disk(output: str, tmp_path: Path) -> None:
    """One line, no crash, nothing left, and what was there before is still there."""
    source, place = stack(tmp_path / "in.h5", 4), tmp_path / output
    shape = ["--format", output] if "." not in output else ["--patch", 0]
    words = ("dataset", "convert", source, "--sensor", "generic", "-q", *shape, "-o", place)
    refused(limited(5000, *words), "cannot be written", str(place))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.h5"]


FILLED = """
import resource, signal, sys
import numpy as np
from earthloom.errors import FileError
from earthloom.raster.write.stacks import StackWriter
for count in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, resource.RLIM_INFINITY))
    try:
        with StackWriter(sys.argv[1], {"about": "x" * 500}, overwrite=True) as writer:
            for number in range(4):
                writer.append({"pan": np.full((1, 64, 64), number, "f4"), "ms": np.ones((4, 16, 16), "f4")})
    except FileError as error:
        print(error)
    else:
        print("whole")
"""


def test_a_stack_on_a_full_disk(tmp_path: Path) -> None:
    """In the header, in the first sample, in the last, at the close: said in one line, and the process goes on."""
    pytest.importorskip("resource")
    place = tmp_path / "d.h5"
    place.write_bytes(b"of an earlier set")
    counts = [0, 100, 3000, 20_000, 60_000, 80_000]
    done = subprocess.run(
        [sys.executable, "-c", FILLED, str(place), *map(str, counts)], capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == len(counts), done.stderr
    assert all("d.h5 cannot be written" in line for line in lines), lines
    assert held(tmp_path) == {"d.h5": b"of an earlier set"}
    whole = subprocess.run([sys.executable, "-c", FILLED, str(place), "1000000"], capture_output=True, check=True)
    assert whole.stdout.strip() == b"whole"
    with h5py.File(place) as file:
        np.testing.assert_array_equal(file["pan"][:, 0, 0, 0], [0, 1, 2, 3])


def test_names_are_given_to_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale = atomic._draft(path).with_name(atomic._draft(path).name.replace(str(os.getpid()), str(dead.pid)))
    other = tmp_path / f".x.json.draft-another-machine-{dead.pid}"
    for one in (stale, other):
        one.write_bytes(b"half")
    atomic.write_whole(path, b"whole")
    assert held(tmp_path) == {"x.json": b"whole", other.name: b"half"}
    with pytest.raises(ZeroDivisionError), atomic.drafted(path) as draft:
        draft.write_bytes(b"other")
        raise ZeroDivisionError
    assert held(tmp_path) == {"x.json": b"whole", other.name: b"half"}


@pytest.mark.parametrize("fixed", [False, True])
def test_a_folder_is_replaced_whole(fixed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it cannot be renamed: the folder one stands in, or a disk of its own."""
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "old").write_bytes(b"1")
    if fixed:
        monkeypatch.chdir(folder)
    with pytest.raises(KeyboardInterrupt), atomic.drafted_folder(folder) as draft:
        (draft / "new").write_bytes(b"2")
        raise KeyboardInterrupt
    assert held(tmp_path) == {"d/old": b"1"}
    with atomic.drafted_folder(folder) as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "new").write_bytes(b"2")
    assert held(tmp_path) == {"d/sub/new": b"2"}
    living = folder / atomic._draft(folder).name.replace(".d.draft-", "unfinished-").replace(
        str(os.getpid()), str(os.getppid())
    )
    living.mkdir()
    with pytest.raises(FileError, match=f"is being written by process {os.getppid()}"), atomic.drafted_folder(folder):
        pass
    assert held(tmp_path) == {"d/sub/new": b"2"}


def test_files_that_change(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"1")
    before = stamps([path, tmp_path, "https://example.org/a.tif"])
    assert list(before) == [path]
    require_unchanged(before)
    path.write_bytes(b"12")
    with pytest.raises(FileError, match=r"a\.tif changed while it was read"):
        require_unchanged(before)
    path.unlink()
    with pytest.raises(FileError, match=r"a\.tif is no longer there"):
        require_unchanged(before)


TRAIN = ("train", "pansharpening/pnn", "--steps", 2, "--patch", 16, "-q")


@pytest.mark.slow
def test_training_refuses_before_it_touches_anything(scenes: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    for name in (
        "weights.safetensors",
        "card.md",
        "config.toml",
        "environment.json",
        "checkpoints/step_000000040.ckpt",
    ):
        (run / name).write_text("kept for months")
    before = held(tmp_path)
    for words in (
        ("--data", tmp_path / "nowhere"), ("--data", scenes, "--patch", 4096), ("--data", scenes, "--lr", "-1"),
        ("--data", scenes, "--sensor", "nosuch"),
    ):  # fmt: skip
        done = cli(*TRAIN, "-o", run, "--overwrite", *words)
        assert done.code == 2 and held(tmp_path) == before, (words, done.err)
    refused(cli(*TRAIN, "--data", scenes, "-o", scenes, "--overwrite"), "inputs")
    refused(cli(*TRAIN, "--data", scenes / "1_pan.tif", scenes / "1_ms.tif", "-o", scenes, "--overwrite"), "inputs")
    refused(cli(*TRAIN, "--data", scenes, "-o", tmp_path, "--overwrite"), "inputs")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.toml").write_text("steps = 2\n")
    words = ("--data", scenes, "--config", mine / "config.toml", "-o", mine)
    refused(cli(*TRAIN, *words, "--overwrite"), "is an input")
    refused(cli(*TRAIN, *words), "is an input")
    assert held(mine) == {"config.toml": b"steps = 2\n"}


def test_errors_name_what_was_asked_for(tmp_path: Path) -> None:
    """Not the hidden name that it was to be written under."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(EarthloomError) as told:
        atomic.write_whole(blocked / "x.json", b"1")
    assert re.match(rf"{re.escape(str(blocked / 'x.json'))} cannot be written", str(told.value))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of fine and coarse images, and a series of one date made of them."""
    root = tmp_path_factory.mktemp("series")
    for kind in ("fine", "coarse", "masks"):
        (root / kind).mkdir()
    for number, day in enumerate(("2020-05-01", "2020-05-17", "2020-06-02")):
        fine = fine_truth((48, 48), 3, number).round().astype("int16")
        if number != 1:
            put(root / "fine" / f"f_{day}.tif", fine, grid(1), nodata=-9999)
        put(root / "coarse" / f"c_{day}.tif", observed(fine.astype(float), 8)[1].round().astype("int16"), grid(8))
    put(root / "masks" / "m_2020-05-17.tif", np.eye(6, dtype="u1")[None], grid(8))
    series(root / "fine", root / "coarse", "copy", output=root / "out", coregister="off")
    return root


CHANGES: dict[str, dict[str, Any]] = {
    "fine bands": {"fine_bands": (1, 2), "coarse_bands": (1, 2)}, "coarse scale": {"coarse_scale": 0.5},
    "dtype": {"dtype": "float32"}, "nodata": {"fine_nodata": 7.0}, "coarse masks": {"coarse_masks": "masks"},
    "method": {"method": "starfm"}, "refine": {"refine": 1}, "ratio": {"ratio": 4}, "match": {"match": "regression"},
    "most pairs": {"most_pairs": 1}, "compression": {"compress": "none"},
    "georeferencing": {"ignore_georeferencing": True},
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_series_asked_for_in_another_way(name: str, finished: Path) -> None:
    """Its finished dates are not taken for the ones that are wanted now, and are not replaced without leave."""
    before = held(finished)
    more = {"method": "copy", "coregister": "off", **CHANGES[name]}
    if "coarse_masks" in more:
        more["coarse_masks"] = finished / "masks"
    with pytest.raises(InputError, match="overwrite"):
        series(finished / "fine", finished / "coarse", output=finished / "out", **more)
    assert held(finished) == before


def test_a_series_of_other_images(finished: Path, tmp_path: Path) -> None:
    copied = tmp_path / "again"
    shutil.copytree(finished, copied)
    where = {"output": copied / "out", "method": "copy", "coregister": "off"}
    product = copied / "out" / "2020-05-17.tif"
    kept = product.read_bytes()
    assert list(series(copied / "fine", copied / "coarse", **where).values()) == [product]
    assert product.read_bytes() == kept  # there already
    changed = copied / "coarse" / "c_2020-05-17.tif"
    put(changed, np.full((3, 6, 6), 900, "int16"), grid(8))
    with pytest.raises(FileError, match=r"other images or masks.*coarse_20200517"):
        series(copied / "fine", copied / "coarse", **where)
    assert product.read_bytes() == kept
    shutil.copy(finished / "coarse" / changed.name, changed)
    for name, words in (("2020-05-17.json", "STAC item"), ("collection.json", "series"), (product.name, "asked for")):
        path = copied / "out" / name
        path.unlink()
        if name.endswith("json"):
            path.write_text("{}")
        else:
            put(path, np.ones((1, 4, 4), "u1"), grid(1))
        own = path.read_bytes()
        with pytest.raises(FileError, match=words):
            series(copied / "fine", copied / "coarse", **where)
        assert path.read_bytes() == own
        shutil.copy(finished / "out" / name, path)
