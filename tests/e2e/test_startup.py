"""What a command imports: only what it needs (how long it takes is measured by the benchmarks)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
        (["methods"], ("numpy",)),
        (["methods", "--json"], ("numpy",)),
        (["sensors"], ("numpy",)),
        (["evaluate", "--help"], ("numpy",)),
        (["demo", "--help"], ("numpy",)),
        (["train", "--help"], ("numpy",)),
        (["pansharpen", "--help"], ("numpy", "numba")),
    ],
)
def test_imports(arguments: list[str], allowed: tuple[str, ...]) -> None:
    code = CODE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, heavy = json.loads(done.stderr.splitlines()[-1])
    assert exit_code == (2 if arguments == ["nonsense"] else 0)
    assert set(heavy) <= set(allowed), heavy


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
