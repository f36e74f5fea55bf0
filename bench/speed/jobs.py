"""Jobs that several programs do: files, arrays, and who does what with them; each runs as a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.pansharpening.speed import BANDS, THREADS, earthloom, gdal, make_scene
from bench.results import RAW

SEED = 0
PEERS = RAW / "peers"  # packages that nothing here depends on
OURS = "Earthloom"
CHILD = [sys.executable, "-m", "bench.speed.child"]
METRICS = ("ergas", "sam_deg", "ssim", "uiqi", "psnr")


@dataclass(frozen=True)
class Entry:
    """A program that does a job.

    Parameters
    ----------
    job, program
        What is done, and by whom.
    command
        What is run.
    missing
        Why it cannot be, if so.
    """

    job: str
    program: str
    command: tuple[str, ...]
    missing: str = ""


def pansharpening(folder: Path, side: int) -> Iterator[Entry]:
    """Weighted Brovey of a scene on the disk, uncompressed."""
    pan, ms = make_scene(folder, side)
    job, out = f"pansharpening, PAN of {side} x {side}", folder / "out.tif"
    yield Entry(job, OURS, tuple(earthloom(pan, ms, out, "brovey")))
    missing = "" if shutil.which("gdal_pansharpen.py") else "no gdal-bin"
    yield Entry(job, "gdal_pansharpen", tuple(gdal(pan, ms, out)), missing)
    name = "otbcli_BundleToPerfectSensor"  # resamples the MS and divides by the smoothed PAN: SFIM
    orfeo = [name, "-inp", str(pan), "-inxs", str(ms), "-out", str(out), "uint16", "-method", "rcs"]
    yield Entry(job, "Orfeo ToolBox (rcs)", tuple(orfeo), "" if shutil.which(name) else "no otb-bin")


def matching(folder: Path, side: int) -> Iterator[Entry]:
    """The histograms of one image to those of another, band by band."""
    rng = np.random.default_rng(SEED)
    source = rng.gamma(4, 100, (BANDS, side, side)).astype(np.float32)
    np.save(folder / "source.npy", source)
    np.save(folder / "target.npy", (0.9 * source + 40 + rng.normal(0, 5, source.shape)).astype(np.float32))
    yield from _children("histogram matching", f"{BANDS} bands of {side} x {side}", ("skimage",), folder)


def metrics(folder: Path, side: int) -> Iterator[Entry]:
    """Indices of a product against its truth."""
    rng = np.random.default_rng(SEED)
    truth = rng.uniform(100, 1000, (BANDS, side, side)).astype(np.float32)
    np.save(folder / "truth.npy", truth)
    np.save(folder / "product.npy", (truth + rng.normal(0, 20, truth.shape)).astype(np.float32))
    for name in METRICS:
        yield from _children(name, f"{BANDS} bands of {side} x {side}", ("sewar", "torchmetrics"), folder)


def networks(folder: Path, side: int) -> Iterator[Entry]:
    """A tile through networks of ours by torch and, from the file that `earthloom export` writes, by onnxruntime."""
    for name, weights in (("cf2n", "generic_4to1"), ("coarsr", "cubes_2to1")):
        bands = [] if name == "cf2n" else ["--bands", "31"]
        there = importlib.util.find_spec("onnxruntime") is not None and importlib.util.find_spec("torch") is not None
        if there:
            which = ["--problem", "pansharpening"] if name == "cf2n" else []
            write = [earthloom(folder, folder, folder, "")[0], "export", name, "--weights", weights, *bands, *which]
            done = subprocess.run([*write, "-o", str(folder / f"{name}.onnx"), "--overwrite"], capture_output=True)
            there = done.returncode == 0
        size = side if name == "cf2n" else side // 4
        for who in (OURS, "onnxruntime"):
            command = (*CHILD, name, who, str(folder), str(size))
            job = f"{name} ({weights}), {size} x {size} {'px' if name == 'cf2n' else 'coarse px, 31 bands'}"
            yield Entry(job, "torch" if who == OURS else who, command, "" if there else "no onnxruntime")


def _children(job: str, size: str, peers: tuple[str, ...], folder: Path) -> Iterator[Entry]:
    """A job on arrays in processes of Python: ours, and those of the peers that know it."""
    from bench.speed.child import CALLS

    for who in (OURS, *peers):
        if (job, who) in CALLS:
            there = who == OURS or _there(who)
            command = (*CHILD, job, who, str(folder), "0")
            yield Entry(f"{job}, {size}", who, command, "" if there else f"no {who}")


def _there(package: str) -> bool:
    """Whether a package can be imported; torchmetrics is fetched to a folder of its own."""
    if package == "torchmetrics" and not (PEERS / package).is_dir():
        fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PEERS)]
        subprocess.run([*fetch, package, "lightning-utilities"], capture_output=True, check=False)
    return importlib.util.find_spec(package) is not None or (PEERS / package).is_dir()


JOBS: dict[str, Callable[[Path, int], Iterator[Entry]]] = {
    "pansharpening": pansharpening, "matching": matching, "metrics": metrics, "networks": networks,
}  # fmt: skip
SIDES = {"pansharpening": 8192, "matching": 2048, "metrics": 1024, "networks": 512}
__all__ = ["JOBS", "OURS", "PEERS", "SIDES", "THREADS", "Entry"]
