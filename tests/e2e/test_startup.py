"""What a command imports: only what it needs (how long it takes is measured by the benchmarks)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from earthloom import version

HEAVY = ("numpy", "numba", "scipy.linalg", "rasterio", "torch", "xarray", "matplotlib", "h5py")
CODE = """
import json, sys
sys.argv = ["earthloom", *{arguments!r}]
from earthloom.cli.main import run
try:
    run()
except SystemExit as left:
    code = left.code
heavy = [name for name in {heavy!r} if name in sys.modules]
print(json.dumps([code, heavy]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], ()),
        (["--version"], ()),
        ([], ()),
        (["nonsense"], ()),
        (["methods"], ()),
        (["methods", "align"], ()),
        (["methods", "--json"], ()),
        (["--complete", "pansharpen", "-m", "b"], ()),
        (["sensors"], ("numpy",)),
        (["evaluate", "--help"], ("numpy",)),
        (["demo", "--help"], ("numpy",)),
        (["train", "--help"], ("numpy",)),
        (["pansharpen", "--help"], ("numpy", "numba", "rasterio")),  # made of the verb itself
    ],
)
def test_imports(arguments: list[str], allowed: tuple[str, ...]) -> None:
    code = CODE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, heavy = json.loads(done.stderr.splitlines()[-1])
    assert exit_code == (2 if arguments == ["nonsense"] else 0)
    assert set(heavy) <= set(allowed), heavy


WITHOUT = """
import sys
if {blocked}:
    sys.modules["torch"] = sys.modules["safetensors"] = None
sys.argv = ["earthloom", *{arguments!r}]
from earthloom.cli.main import run
try:
    run()
except SystemExit as left:
    loaded = sys.modules.get("torch") is not None or sys.modules.get("safetensors") is not None
    print(left.code, loaded, file=sys.stderr)
"""


@pytest.mark.parametrize("blocked", [True, False], ids=["without torch", "with torch"])
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["superresolve", "--help"], "--half-weights"),
        (["pansharpen", "-m", "cf2n", "--help"], "--corrections"),
        (["decloud", "-m", "cf2n", "--help"], "--corrections"),
        (["predict", "-m", "stfgan", "--help"], "--critic"),
        (["align", "-m", "unet_lut", "--help"], "--weights"),
        (["methods", "cf2n"], "width"),
        (["methods", "bandpass/unet_lut_x"], "weights"),
        (["weights"], "import"),
        (["weights", "list"], "cubes_4to1"),
        (["weights", "show", "cubes_4to1"], "superresolution/coarsr"),
        (["train", "cf2n", "--help"], "--fusions"),
        (["train", "--help"], "--batch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_help_and_lists_know_networks_without_torch(arguments: list[str], shown: str, blocked: bool) -> None:
    code = WITHOUT.format(blocked=blocked, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 False", done.stderr
    assert shown in done.stdout


def test_every_method_says_what_it_is_without_torch_and_asks_for_it_when_it_runs() -> None:
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
import earthloom
from earthloom.methods import catalog
for problem in catalog.problems():
    for name in catalog.names(problem):
        method = catalog.make(name, problem)
        assert method.card.problem == problem and method.halo_px(4.0) >= 0
try:
    earthloom.pansharpen(np.random.rand(64, 64), np.random.rand(4, 16, 16), "cf2n")
except earthloom.errors.MethodError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "CF2N without torch" in done.stdout and "earthloom[torch]" in done.stdout


def test_classical_methods_need_no_torch() -> None:
    code = """
import sys
import numpy as np
import earthloom
earthloom.pansharpen(np.random.rand(32, 32), np.random.rand(3, 8, 8))
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_package_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "earthloom", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == version.__version__
