"""`earthloom.doctor`: does this installation work, and what does it lack?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from earthloom import metrics
from earthloom.machine import on
from earthloom.methods.networks.placement import accelerators, device_name, half_is_fast, resolved
from earthloom.report.doctor import Diagnosis, Finding, looked_at, torch_there
from earthloom.verbs.evaluate import evaluate
from earthloom.verbs.pansharpen import pansharpen
from earthloom.verbs.sampling.demo import write_inputs
from earthloom.verbs.sampling.sample import load_sample

AREA = "Self-test"
GSA, EXP, CF2N = 2.983, 3.957, 2.603  # ERGAS of the sample, sharpened
WITHIN = 0.01  # of them
BUG = "a bug, or a library that computes wrongly: report it with this page"


def doctor(self_test: bool = True) -> Diagnosis:
    """Look at the installation and the machine, and try them.

    Parameters
    ----------
    self_test
        Also sharpen the built-in sample, write and read a product, and run a network where torch is there: about ten
        seconds.

    Returns
    -------
    Diagnosis
        ``ok``, and ``findings``, each with what to do; as text with ``str``. It holds no secrets, so that it can be
        sent along with a report of a bug.

    Examples
    --------
    >>> import earthloom
    >>> print(earthloom.doctor(self_test=False))  # doctest: +SKIP
    """
    found = [*looked_at(), *devices()]
    if self_test:
        tests: dict[str, Callable[[], tuple[bool, str]]] = {"sharpening": sharpened, "files": written}
        if torch_there():
            tests["network"] = network
        found += [_tried(name, test) for name, test in tests.items()]
    return Diagnosis(tuple(found))


def devices() -> Iterator[Finding]:
    """What networks can run on."""
    if not torch_there():
        yield Finding("Device", "networks", "no torch", "note", "pip install 'earthloom[torch]'")
        return
    device = resolved("auto")
    with on("auto"):
        half = ", bfloat16" if half_is_fast() else ""
    yield Finding("Device", "networks run on", f"{device_name(device)}{half}")
    for kind, count in accelerators().items():
        yield Finding("Device", kind, f"{count}")


def _tried(name: str, test: Callable[[], tuple[bool, str]]) -> Finding:
    """What came of a test, whatever it met."""
    began = time.perf_counter()
    try:
        right, told = test()
    except Exception as error:  # the doctor does not fall ill
        right, told = False, f"{type(error).__name__}: {' '.join(str(error).split())}"
    told = f"{told}, {time.perf_counter() - began:.1f} s"
    return Finding(AREA, name, told, "ok" if right else "broken", "" if right else BUG)


def sharpened() -> tuple[bool, str]:
    """The sample by GSA: its error against the truth is known."""
    scene = load_sample()
    found = pansharpen(scene.pan, scene.ms, "gsa", sensor=scene.sensor, dtype="float32")
    return _near("GSA", metrics.ergas(np.float64(found), np.float64(scene.truth), scene.ratio), GSA)


def written() -> tuple[bool, str]:
    """The sample from files into a file, which is read again."""
    with TemporaryDirectory(prefix="earthloom-") as folder:
        inputs, product = write_inputs(Path(folder)), Path(folder) / "sharp.tif"
        pansharpen(inputs.pan, inputs.ms, "exp", sensor=inputs.sensor, output=product)
        figures = evaluate(product, inputs.truth, ratio=inputs.ratio, peak=255).figures
    return _near("EXP in a COG:", figures["ergas"], EXP)


def network() -> tuple[bool, str]:
    """Four bands of the sample by CF2N on the device."""
    scene = load_sample()
    found = pansharpen(scene.pan, scene.ms[:4], "cf2n", dtype="float32")
    return _near("CF2N", metrics.ergas(np.float64(found), np.float64(scene.truth[:4]), scene.ratio), CF2N)


def _near(name: str, ergas: float, known: float) -> tuple[bool, str]:
    return abs(ergas - known) <= WITHIN * known, f"{name} ERGAS {ergas:.3f}, {known:.3f} expected"
