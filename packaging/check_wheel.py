"""Build wheel and sdist, and try the wheel as users get it: fresh environments without a compiler, core, then extras.

    python packaging/check_wheel.py                    # core, then the extras without torch
    python packaging/check_wheel.py --extras report    # other extras
    python packaging/check_wheel.py --lowest           # the lowest versions that pyproject.toml allows, as locked

Each step is said with its seconds; the exit code is 1 at the first that fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "xarray,learn,hdf4,cluster,remote,zarr,report,view"  # torch and onnx are large: only where they are asked for
LOCK = ROOT / "constraints-lowest.txt"
WHEEL_BYTES, SDIST_BYTES = 25_000_000, 30_000_000
INSIDE = (  # of a wheel: what works only when it travels along
    "earthloom/py.typed", "earthloom/__init__.pyi", "earthloom/viewer/static/index.html",
    "earthloom/viewer/static/viewer.js", "earthloom/viewer/static/THIRD-PARTY.txt",
    "earthloom/samples/landsat7_olinda.tif", "earthloom/weights/any_sensor.safetensors",
    "earthloom/sensors/data/sentinel2a.toml",
)  # fmt: skip
OUTSIDE = re.compile(  # of both: what is of this house alone, or of no use to anybody
    r"(^|/)(node_modules|\.git|\.venv|dist|demo-output|__pycache__|bench/data|bench/raw)(/|$)|^earthloom/.*\.(pth|ckpt)$|\.pyc$"
)
USER = ROOT / "packaging/user_script.py"  # what a user writes, under a strict type checker
STRICT = {"typeCheckingMode": "strict", "include": ["user_script.py"]}


def faults_of(names: Mapping[str, int], size: int, most: int, needed: Sequence[str]) -> list[str]:
    """What is wrong with an archive: what it lacks, what it should not hold, and its size.

    Parameters
    ----------
    names
        Names in it, without the folder of a version, and the bytes of each.
    size, most
        Its bytes, and how many it may have.
    needed
        Names that it must hold.
    """
    faults = [f"lacks {name}" for name in needed if name not in names]
    faults += [f"holds {name}" for name in names if OUTSIDE.search(name)]
    faults += [f"{name} has no bytes" for name in needed if names.get(name) == 0 and not name.endswith("py.typed")]
    return faults + ([f"has {size / 1e6:.1f} MB, more than {most / 1e6:.0f}"] if size > most else [])


def inside_wheel(path: Path) -> dict[str, int]:
    """Names in a wheel, with their bytes."""
    with zipfile.ZipFile(path) as archive:
        return {one.filename: one.file_size for one in archive.infolist()}


def inside_sdist(path: Path) -> dict[str, int]:
    """Names in an sdist, without its first folder, with their bytes."""
    with tarfile.open(path) as archive:
        return {one.name.partition("/")[2]: one.size for one in archive.getmembers() if one.isfile()}


def step(name: str, words: Sequence[str | Path], where: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command, say how long it took, and end where it fails."""
    began = time.monotonic()
    done = subprocess.run(
        [str(word) for word in words], cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    print(f"{'ok' if not done.returncode else 'FAILED':<7}{name} ({time.monotonic() - began:.0f} s)", flush=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def built(folder: Path) -> tuple[Path, Path]:
    """Wheel and sdist, the wheel made of the sdist as an index would; their contents are looked at."""
    python = environment_in(folder / "build")
    step("install the builder", [python, "-m", "pip", "install", "-q", "build"], folder)
    step("build sdist and wheel", [python, "-m", "build", "--outdir", folder / "dist", ROOT], folder)
    wheel, sdist = (next((folder / "dist").glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    licence = next((name for name in inside_wheel(wheel) if name.endswith("licenses/LICENSE")), "")
    faults = faults_of(inside_wheel(wheel), wheel.stat().st_size, WHEEL_BYTES, (*INSIDE, licence or "LICENSE"))
    faults += faults_of(
        inside_sdist(sdist), sdist.stat().st_size, SDIST_BYTES, ("LICENSE", "README.md", "pyproject.toml")
    )
    print(f"wheel {wheel.stat().st_size / 1e6:.1f} MB, sdist {sdist.stat().st_size / 1e6:.1f} MB")
    if faults:
        sys.exit("\n".join(faults))
    return wheel, sdist


def environment_in(folder: Path) -> Path:
    """The python of a fresh environment."""
    venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean(folder: Path) -> dict[str, str]:
    """An environment of variables without ours, and without a compiler that would answer."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EARTHLOOM", "GDAL"))}
    return left | {"CC": "/bin/false", "CXX": "/bin/false", "NUMBA_CACHE_DIR": str(folder / "kernels")}


def tried(python: Path, what: str, folder: Path, pinned: Sequence[str | Path] = ()) -> None:
    """Install, and do what a user does first."""
    variables = clean(folder)
    program = python.with_name("earthloom")
    binary = ["--only-binary", ":all:"]  # nothing is compiled
    step(
        f"install {what.rpartition('/')[2]}",
        [python, "-m", "pip", "install", "-q", *binary, *pinned, what],
        folder,
        variables,
    )
    step("pip check", [python, "-m", "pip", "check"], folder, variables)
    step("earthloom doctor", [program, "doctor"], folder, variables)
    step("earthloom demo", [program, "demo", "--output", folder / f"demo-{python.parents[1].name}"], folder, variables)
    checker = shutil.which("pyright", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if checker is None:
        print("left    no pyright here: the user's script is not type-checked")
        return
    (folder / "user").mkdir(exist_ok=True)
    shutil.copy(USER, folder / "user")
    (folder / "user/pyrightconfig.json").write_text(json.dumps(STRICT))
    step(
        "a strict type checker on a user's script",
        [checker, "--pythonpath", python, "-p", folder / "user"],
        folder,
        variables,
    )


def main() -> None:
    """Build and try."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--extras", default=EXTRAS, help="extras of the second environment; empty: none")
    asked.add_argument("--lowest", action="store_true", help="only the lowest versions, core and extras")
    given = asked.parse_args()
    with TemporaryDirectory(prefix="earthloom-wheel-") as name:
        folder = Path(name)
        wheel, _ = built(folder)
        if given.lowest:
            tried(environment_in(folder / "lowest"), f"{wheel}[{given.extras}]", folder, ["-c", LOCK])
            return
        tried(environment_in(folder / "core"), str(wheel), folder)
        if given.extras:
            tried(environment_in(folder / "extras"), f"{wheel}[{given.extras}]", folder)
    print("the wheel is as users should get it")


if __name__ == "__main__":
    main()
