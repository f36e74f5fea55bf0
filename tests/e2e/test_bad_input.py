"""Whatever is wrong: exit code 2, one readable line, and nothing left where the output would have been."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from tests.e2e.conftest import COMMAND, Cli, Done, Pair, get, grid

Make = Callable[..., Pair]
PATIENCE_S = 600  # a guard against waiting for ever


def refused(done: Done, *words: str) -> None:
    """One line that holds the words, and exit code 2."""
    assert done.code == 2, done
    assert done.out == ""
    line = done.err
    assert line.startswith("earthloom: ") and line.endswith("\n") and line.count("\n") == 1, line
    assert "Traceback" not in line and "unexpected" not in line, line
    for word in words:
        assert word in line, line


SINGULAR = np.full((1, 1, 1), 500, "uint16")
NO_DATA = np.zeros((3, 24, 32), "uint16")
PAIRS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no CRS on the MS": ({"of_ms": {"crs": None, "transform": None}}, ("ms.tif", "CRS")),
    "no CRS on the PAN": ({"of_pan": {"crs": None, "transform": None}}, ("pan.tif", "CRS")),
    "no CRS, yet a geotransform": ({"of_ms": {"crs": None}}, ("ms.tif", "CRS")),
    "no overlap": ({"of_ms": {"transform": grid(4, east=5000)}}, ("overlap",)),
    "half a pixel of overlap": ({"of_ms": {"transform": grid(4, east=126)}}, ("share 2 columns",)),
    "PAN coarser than MS": ({"of_pan": {"transform": grid(16)}}, ("finer pixels of the sharp image", "exchanged")),
    "ratio 1": ({"of_pan": {"transform": grid(4)}}, ("ratio of 1",)),
    "MS without data": ({"ms": NO_DATA, "of_ms": {"nodata": 0}}, ("ms.tif", "no valid pixel")),
    "PAN without data": (
        {"pan": np.full((1, 96, 128), np.nan, "float32")},
        ("pan.tif", "no valid pixel"),
    ),
    "1 x 1": ({"ms": SINGULAR, "pan": np.full((1, 4, 4), 500, "uint16")}, ("2",)),
    "1 x 1 both": ({"ms": SINGULAR, "pan": SINGULAR}, ("1",)),
    "PAN of three bands": ({"pan": np.ones((3, 96, 128), "uint16")}, ("3 bands", "one band")),
    "rotated": ({"of_ms": {"transform": Affine(4, 0.5, 400000, 0.5, -4, 5000000)}}, ("rotated", "gdalwarp")),
    "mirrored": ({"of_ms": {"transform": Affine(-4, 0, 400128, 0, -4, 5000000)}}, ("mirrored",)),
    "complex numbers": ({"ms": np.ones((3, 24, 32), "complex64")}, ("complex",)),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(case: str, cli: Cli, pair: Make) -> None:
    change, words = PAIRS[case]
    files = pair(**change)
    refused(cli(*files.arguments()), *words)
    assert files.untouched()


FLAGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "method": (("-m", "gsaa"), ("gsaa", "did you mean gsa")),
    "method without a name": (("--method",), ("--method", "needs a value")),
    "field": (("-m", "gsa", "--haze", "0"), ("--haze", "--help")),
    "flag": (("--thread", "2"), ("--thread", "did you mean --threads?")),
    "sensor": (("--sensor", "worldveiw3"), ("worldveiw3", "worldview3")),
    "sensor file": (("--sensor", "none.toml"), ("none.toml",)),
    "sensor of other bands": (("--sensor", "worldview3"), ("3 bands", "WorldView-3")),
    "no threads": (("--threads", "0"), ("0 threads", "at least 1")),
    "threads in words": (("--threads", "all"), ("--threads", "all")),
    "tile size": (("--tile-size", "3"), ("tile size 3", "at least 16")),
    "negative nodata": (("--nodata", "-9999"), ("-9999", "uint16")),
    "nodata in words": (("--nodata", "black"), ("--nodata", "black")),
    "dtype": (("--dtype", "int17"), ("int17", "uint16")),
    "complex dtype": (("--dtype", "complex64"), ("complex64", "uint16")),
    "compression": (("--compress", "lzw"), ("lzw", "zstd")),
    "convention": (("--convention", "corner"), ("corner", "toolbox")),
    "stray word": (("--overwrite", "please"), ("please",)),
    "output twice": (("-o", "b.tif"), ("-o", "multiple times")),
    "value of a field": (("-m", "bt_h", "--haze", "thick"), ("--haze", "thick")),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
def test_flags(case: str, cli: Cli, pair: Make) -> None:
    flags, words = FLAGS[case]
    files = pair()
    refused(cli(*files.arguments(*flags)), *words)
    assert files.untouched()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sharp"], ["no command sharp"]),
        (["--fast"], ["no option --fast"]),
        (["pansharpen"], ["--pan is missing"]),
        (["pansharpen", "--pan", "p.tif"], ["--output is missing"]),
        (["pansharpen", "--pan", "p.tif", "--ms", "m.tif"], ["--output is missing"]),
        (["pansharpen", "p.tif", "-o", "o.tif"], ["p.tif alone", "--ms beside it"]),
        (["methods", "nope"], ["no method or job 'nope'", "did you mean none?"]),
        (["sensors", "nope"], ["nope", "`earthloom sensors` lists"]),
        (["info"], ["FILE is missing"]),
        (["info", "nope.tif"], ["nope.tif does not exist"]),
        (["evaluate"], ["PRODUCT is missing"]),
        (["evaluate", "nope.tif"], ["--reference", "--pan and --ms"]),
        (["evaluate", "nope.tif", "--pan", "p.tif"], ["no ms"]),
        (["evaluate", "nope.tif", "--reference", "r.tif"], ["nope.tif does not exist"]),
        (["evaluate", "nope.tif", "--reference", "r.tif", "--ratio", "4"], ["nope.tif does not exist"]),
    ],
)
def test_commands(arguments: list[str], words: list[str], cli: Cli) -> None:
    refused(cli(*arguments), *words)


def test_missing_files(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    refused(cli(*files._replace(pan=tmp_path / "nope.tif").arguments()), "nope.tif does not exist")
    refused(cli(*files._replace(ms=tmp_path / "nope.tif").arguments()), "nope.tif does not exist")
    refused(cli("pansharpen", "--pan", "", "--ms", files.ms, "-o", files.out))
    refused(cli("pansharpen", "--pan", files.pan, "--ms", "-o", files.out), "--ms FILE")
    (tmp_path / "text.tif").write_text("not an image")
    refused(cli(*files._replace(ms=tmp_path / "text.tif").arguments()), "text.tif", "not recognized")
    refused(cli(*files._replace(pan=tmp_path).arguments()), str(tmp_path))
    assert files.untouched()


@pytest.mark.parametrize("role", ["pan", "ms"])
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.6, 0.99])
def test_truncated_files(role: str, keep: float, cli: Cli, pair: Make) -> None:
    files = pair()
    path = getattr(files, role)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    refused(cli(*files.arguments()), path.name)
    assert files.untouched()


def test_places(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    refused(cli(*files._replace(out=tmp_path / "nowhere" / "sharp.tif").arguments()), "nowhere", "does not exist")
    refused(cli(*files._replace(out=tmp_path / "out").arguments()), "folder")
    refused(cli(*files._replace(out=tmp_path / "out" / "sharp.png").arguments()), "sharp.png", "GeoTIFF", "sharp.tif")
    assert not (tmp_path / "nowhere").exists() and files.untouched()


def test_existing_output_stays(cli: Cli, pair: Make) -> None:
    files = pair()
    files.out.write_bytes(b"precious")
    refused(cli(*files.arguments()), "exists", "overwrite")
    assert files.out.read_bytes() == b"precious"
    refused(cli(*files._replace(ms=files.ms.with_name("nope.tif")).arguments("--overwrite")), "nope.tif")
    assert files.out.read_bytes() == b"precious" and os.listdir(files.out.parent) == [files.out.name]
    assert cli(*files.arguments("--overwrite")).code == 0
    assert get(files.out)[0].shape == (3, 96, 128)


@pytest.mark.parametrize("role", ["pan", "ms"])
def test_output_is_an_input(role: str, cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    before = getattr(files, role).read_bytes()
    link = tmp_path / "link.tif"
    link.symlink_to(getattr(files, role))
    for out in (getattr(files, role), link):
        refused(cli(*files._replace(out=out).arguments("--overwrite")), "is an input")
    assert getattr(files, role).read_bytes() == before


def test_read_only_folder(cli: Cli, pair: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    files = pair()
    folder = files.out.parent
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(folder, os.W_OK):  # root may write everywhere
        true = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and true(path, mode))
    try:
        refused(cli(*files.arguments()), "read-only", str(folder))
    finally:
        folder.chmod(stat.S_IRWXU)
    assert files.untouched()


def _full_disk() -> None:
    """Let the process write no file beyond 100 kB; the failure looks like a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_full_disk(compress: str, pair: Make) -> None:
    rng = np.random.default_rng(0)
    pan, ms = rng.integers(1, 4000, (1, 512, 512), "uint16"), rng.integers(1, 4000, (3, 128, 128), "uint16")
    files = pair(pan, ms)
    command = [*COMMAND, *map(str, files.arguments("-m", "exp", "--compress", compress))]
    done = subprocess.run(command, preexec_fn=_full_disk, capture_output=True, text=True, check=False)
    refused(Done(done.returncode, done.stdout, done.stderr), "sharp.tif", "is the disk full?")
    assert files.untouched()


def _heeds_interrupts() -> None:
    """Also where the tests run in the background of a shell, which has its jobs ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(number: signal.Signals, code: int, pair: Make) -> None:
    """A signal in the middle of a long run."""
    files = pair(np.ones((1, 8192, 8192), "uint8"), np.ones((3, 2048, 2048), "uint8"))
    command = [*COMMAND, *map(str, files.arguments("-m", "exp", "--threads", "1", "--compress", "none"))]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_heeds_interrupts
    )
    deadline = time.monotonic() + PATIENCE_S
    while files.untouched() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not files.untouched() and running.poll() is None, "it never began to write, or ended before"
    running.send_signal(number)
    out, err = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, out, err) == (code, "", "earthloom: stopped; no unfinished file is left\n")
    assert files.untouched()


def test_pixels_that_are_no_numbers_are_missing(cli: Cli, pair: Make) -> None:
    pan = np.full((1, 96, 128), 500, "float32")
    ms = np.full((3, 24, 32), 400, "float32")
    pan[0, 10, 10], pan[0, 40, 50], ms[1, 15, 20] = np.nan, np.inf, -np.inf
    files = pair(pan, ms)
    assert cli(*files.arguments("--quiet")).code == 0
    data, file = get(files.out)
    missing = np.zeros((96, 128), bool)
    missing[10, 10] = missing[40, 50] = True
    missing[60:64, 80:84] = True
    assert np.isnan(file.nodata)
    np.testing.assert_array_equal(np.isnan(data), np.broadcast_to(missing, data.shape))
    np.testing.assert_allclose(data[:, ~missing], 400, rtol=1e-5)


def test_debug_shows_the_traceback(pair: Make, tmp_path: Path) -> None:
    files = pair()._replace(ms=tmp_path / "nope.tif")
    command = [*COMMAND, *map(str, files.arguments("--debug"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" in done.stderr and "FileError" in done.stderr and "nope.tif" in done.stderr


def test_what_nobody_foresaw_is_one_line_too(cli: Cli, pair: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("earthloom.verbs.pipeline.execute", broken)
    files = pair()
    done = cli(*files.arguments())
    assert done.code == 2
    assert done.err == "earthloom: unexpected ZeroDivisionError: by zero; a bug? `--debug` shows where it arose\n"
    assert files.untouched()


def test_a_closed_pipe_is_no_error() -> None:
    """As in ``earthloom sensors prisma | head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run([*COMMAND, "sensors", "prisma"], stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
