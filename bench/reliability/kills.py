"""Kill every verb at random times, start it again, and compare with the run that nobody disturbed.

    python -m bench.reliability.kills --each 40

A kill is SIGKILL, SIGTERM or SIGINT in turn, at a time drawn evenly over the run. Looked at each time: whether a file
of the product's name stands there half written, what else lies in the folder, how many tiles the second run made
again, whether its bytes are those of the undisturbed run, and whether anything unfinished is left at the end.
Children are forked from a process that has loaded the package, so that a kill costs no start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

RESULTS = Path(__file__).with_suffix(".json")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
GOING_ON = re.compile(r"going on: (\d+) of (\d+) tiles")


@dataclass
class Row:
    """What came of the kills of one verb."""

    verb: str
    seconds: float
    kills: int = 0
    too_late: int = 0  # the run had ended
    half_written: int = 0
    other_files: int = 0
    left_after: int = 0
    differ: int = 0
    failed: int = 0
    tiles: int = 0
    lost_tiles: int = 0  # finished before the kill by the ledger, and made again
    most_lost: int = 0


def field(rng: np.random.Generator, bands: int, side: int) -> np.ndarray:
    """A smooth image with edges, 100 to 3000."""
    coarse = rng.random((bands, side // 16 + 1, side // 16 + 1))
    image = np.kron(coarse, np.ones((1, 16, 16)))[:, :side, :side]
    return (100 + 2800 * image + 40 * rng.random((bands, side, side))).astype("uint16")


def put(path: Path, image: np.ndarray, pixel: float, names: tuple[str, ...] = (), **profile: Any) -> str:
    """Write an image."""
    count, height, width = image.shape
    where = from_origin(500000, 5000000, pixel, pixel)
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=count, dtype=image.dtype, crs="EPSG:32633",
        transform=where, photometric="MINISBLACK", **profile,
    ) as file:  # fmt: skip
        file.write(image)
        for band, name in enumerate(names, 1):
            file.set_band_description(band, name)
    return str(path)


def coarser(image: np.ndarray, ratio: int) -> np.ndarray:
    """Means of blocks."""
    bands, height, width = image.shape
    return image.reshape(bands, height // ratio, ratio, width // ratio, ratio).mean((2, 4)).round().astype("uint16")


def commands(folder: Path) -> dict[str, list[str]]:
    """A call of every verb; ``-o`` and what follows are added."""
    rng = np.random.default_rng(0)
    fine = field(rng, 4, 512)
    pan = put(folder / "pan.tif", fine.mean(0).round().astype("uint16")[None], 2.5)
    ms = put(folder / "ms.tif", coarser(fine, 4), 10)
    names = ("B02", "B03", "B04", "B08")
    source = put(folder / "source.tif", fine, 10, names)
    cloudy, mask = fine.copy(), np.zeros((1, 512, 512), "uint8")
    mask[:, 100:300, 150:400] = 1
    cloudy[:, mask[0] > 0] = 9000
    optical, clouds = put(folder / "cloudy.tif", cloudy, 10, names), put(folder / "clouds.tif", mask, 10)
    radar = put(folder / "sar.tif", np.stack([-12 + fine[0] / 500, -18 + fine[1] / 500]).astype("float32"), 10)
    for side in ("fine", "coarse"):
        (folder / side).mkdir()
    later = field(np.random.default_rng(1), 4, 512)
    days = {"2020-05-01": fine, "2020-05-17": fine // 2 + later // 2, "2020-06-02": later}
    for day, image in days.items():
        small = image[:2, :256, :256]
        if day != "2020-05-17":
            put(folder / "fine" / f"f_{day}.tif", small, 30)
        put(folder / "coarse" / f"c_{day}.tif", coarser(small, 16), 480)
    one = [str(folder / "fine/f_2020-05-01.tif"), str(folder / "coarse/c_2020-05-01.tif")]
    tiles = ["--tile-size", "32"]
    window = ["--window-px", "15", "--coregister", "off"]
    return {
        "pansharpen": ["pansharpen", "--pan", pan, "--ms", ms, "-m", "mtf_glp_hpm", *tiles],
        "predict": [
            "predict", "--pair", *one, "2020-05-01", "--coarse", str(folder / "coarse/c_2020-05-17.tif"), "2020-05-17",
            "-m", "starfm", *window, *tiles,
        ],
        "series": [
            "series", "--fine-dir", str(folder / "fine"), "--coarse-dir", str(folder / "coarse"), *window, *tiles
        ],
        "superresolve": ["superresolve", ms, "-m", "back_projection", "--ratio", "4", *tiles],
        "align": [
            "align", source, "--from", "sentinel2a", "--to", "landsat8", "--source-scale", "1e-4", "-m", "spectral",
            *tiles,
        ],
        "sharpen": [
            "sharpen", "--fine", source, "--coarse", put(folder / "coarse.tif", coarser(later, 2), 20), "--mtf", "0.3",
            *tiles,
        ],
        "decloud": [
            "decloud", "--optical", optical, "--sar", radar, "--mask", clouds, "-m", "sar_regression",
            "--tile-size", "128",
        ],
    }  # fmt: skip


def child(arguments: list[str], log: Path, first: Callable[[], object] = lambda: None) -> int:
    """Begin a command in a fork; its number. ``first`` is called there before."""
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        for each in SIGNALS[1:]:
            signal.signal(each, signal.SIG_DFL if each != signal.SIGINT else signal.default_int_handler)
        from earthloom.cli.main import run

        first()
        sys.argv = ["earthloom", *arguments]
        run(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def files(folder: Path) -> dict[str, str]:
    """Every file of a folder with its checksum, but for what says when it was made."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".json":
                data = re.sub(rb'"(created|updated)": "[^"]*"', b"", data)
            found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


def finished(arguments: list[str], log: Path) -> tuple[int, float]:
    """Run to the end: exit code and seconds."""
    began = time.monotonic()
    _, status = os.waitpid(child(arguments, log), 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began


def ledger_lines(folder: Path) -> int:
    """Finished tiles by what a killed run left."""
    return sum(
        line.endswith(b"\n") for path in folder.rglob("tiles.jsonl") for line in path.read_bytes().splitlines(True)
    )


def one_kill(row: Row, command: list[str], folder: Path, whole: Mapping[str, str], number: signal.Signals) -> None:
    """Kill a run, look, run again, look."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log, out = folder.with_suffix(".log"), folder / "x.tif"
    place = str(folder / "out" if command[0] == "series" else out)
    arguments = [*command, "-o", place, "-v", "--threads", "2"]
    process = child(arguments, log)
    time.sleep(random.uniform(0.02, row.seconds))
    os.kill(process, number)
    os.waitpid(process, 0)
    row.kills += 1
    now = files(folder)
    shown = {name: found for name, found in now.items() if ".part" not in name}
    row.too_late += shown.keys() >= whole.keys()
    row.half_written += sum(name.endswith(".tif") and found != whole.get(name) for name, found in shown.items())
    row.other_files += sum(name not in whole for name in shown)
    before = ledger_lines(folder)
    done, _ = finished([*arguments, *(["--overwrite"] if out.exists() else [])], log)
    text = log.read_text(errors="replace")
    found = GOING_ON.search(text)
    if (found and not out.exists()) or found:
        row.tiles += before
        row.lost_tiles += before - int(found[1])
        row.most_lost = max(row.most_lost, before - int(found[1]))
    after = files(folder)
    row.failed += done != 0
    row.differ += any(after.get(name) != found for name, found in whole.items())
    row.left_after += len(after.keys() - whole.keys())
    if done or after != whole:
        print(f"{row.verb} {number.name}: {done} {after.keys() ^ whole.keys()} {text[-300:]}", file=sys.stderr)


def measured(verb: str, command: list[str], folder: Path, kills: int) -> Row:
    """The row of a verb."""
    place, log = folder / "whole", folder / "whole.log"
    for _ in range(2):  # the second finds what is compiled
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        out = str(place / ("out" if verb == "series" else "x.tif"))  # of one name: an item says its folder
        code, seconds = finished([*command, "-o", out, "--threads", "2"], log)
        assert code == 0, log.read_text()
    row, whole = Row(verb, round(seconds, 2)), files(place)
    for k in range(kills):
        one_kill(row, command, folder / "killed", whole, SIGNALS[k % len(SIGNALS)])
    return row


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=40, help="kills of every verb")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbs", nargs="*")
    asked = parser.parse_args()
    random.seed(asked.seed)
    import earthloom.cli.main
    import earthloom.verbs.pipeline  # noqa: F401  loaded before the forks

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        for verb, command in commands(folder).items():
            if not asked.verbs or verb in asked.verbs:
                rows.append(measured(verb, command, folder, asked.each))
                print(json.dumps(asdict(rows[-1])), flush=True)
    if not asked.verbs:
        RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
