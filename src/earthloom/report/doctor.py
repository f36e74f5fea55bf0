"""What this installation has, what it lacks, and whether it works: findings that a user can mend or send along."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
import rasterio
from rasterio.warp import transform

from earthloom.machine import cores, free_bytes
from earthloom.version import __version__

State = Literal["ok", "note", "broken"]
NEEDED = ("numpy", "scipy", "numba", "rasterio", "h5py", "odc-geo", "cyclopts", "rich", "pystac")
EXTRAS = {  # package: what it is for, and the extra that brings it
    "torch": ("networks", "torch"), "safetensors": ("weights of networks", "torch"),
    "onnxruntime": ("networks in ONNX files", "onnx"), "onnx": ("networks written to files", "onnx"),
    "lightning-fabric": ("training", "torch"), "xarray": ("labelled arrays", "xarray"),
    "rioxarray": ("labelled arrays from files", "xarray"), "distributed": ("several machines", "cluster"),
    "scikit-learn": ("dictionaries learnt from a scene", "learn"), "pyhdf": ("HDF4 files", "hdf4"),
    "pystac-client": ("searches in catalogues", "remote"), "zarr": ("Zarr stores", "zarr"),
    "jinja2": ("pages about products", "report"), "starlette": ("images in the browser", "view"),
    "uvicorn": ("images in the browser", "view"), "pillow": ("images in the browser", "view"),
}  # fmt: skip
DRIVERS = {  # what is read: drivers of which one is enough, whether it is needed, what to do without
    "GeoTIFF": (("GTiff",), True, "install rasterio anew from its wheels"),
    "COG": (("COG",), True, "a GDAL of 3.1 or later, as in the wheels of rasterio"),
    "JPEG 2000": (("JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "JP2Lura"), False,
                  "Sentinel-2 as delivered cannot be read: a GDAL with OpenJPEG, as in the wheels of rasterio"),
    "HDF5": (("HDF5",), False, "h5py reads the products that are known; others need a GDAL with HDF5"),
    "netCDF": (("netCDF",), False, "a GDAL with netCDF, as in the wheels of rasterio"),
    "HDF4": (("HDF4", "HDF4Image"), False, "MODIS as delivered is read by pyhdf: pip install 'earthloom[hdf4]'"),
}  # fmt: skip
BESIDE = {"HDF4": "pyhdf", "HDF5": "h5py"}  # packages that read what a driver would
VARIABLES = re.compile(
    r"^(GDAL_|CPL_|VSI_|PROJ_|NUMBA_|DASK_|EARTHLOOM_|CUDA_|AWS_|OMP_|OPENBLAS_|MKL_|KMP_|MALLOC_|PYTORCH_|"
    r"TMPDIR$|TEMP$|TMP$|XDG_CACHE_HOME$|PYTHONPATH$|LD_LIBRARY_PATH$|LC_ALL$|LANG$)"
)
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|AUTH|CREDENTIAL|COOKIE|HEADER|BEARER|SESSION|USER", re.I)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "GDAL_HTTP_PROXY")
LEAST_FREE = 1 << 30  # bytes of memory, and of disk, below which little can be made
PLACE = (3.0, 0.0), (500_000.0, 0.0)  # degrees, and metres of zone 31: its central meridian at the equator
OFF_M = 0.01


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    area, name, value
        Where, what, and what was found.
    state
        ``ok``, ``note`` (something works less well, or an extra is not there), ``broken`` (something needed).
    todo
        What to do about it.
    """

    area: str
    name: str
    value: str
    state: State = "ok"
    todo: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that is needed is broken."""
        return all(one.state != "broken" for one in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"ok": self.ok, "findings": [asdict(one) for one in self.findings]}

    def __str__(self) -> str:
        marks, lines, area = {"ok": " ", "note": "-", "broken": "!"}, list[str](), ""
        for one in self.findings:
            if one.area != area:
                lines += ["", one.area]
                area = one.area
            lines.append(f"{marks[one.state]} {one.name:<22}{one.value}")
            lines += [f"{'':<24}{one.todo}"] if one.todo else []
        wrong = sum(one.state == "broken" for one in self.findings)
        last = f"{wrong} thing(s) broken, marked with !" if wrong else "nothing is broken"
        return "\n".join([f"earthloom {__version__}", *lines, "", last])


def looked_at() -> Iterator[Finding]:
    """What can be found without trying."""
    yield from software()
    yield from drivers()
    yield from machine()
    yield from environment()


def software() -> Iterator[Finding]:
    """Versions; what is needed and not there is broken."""
    area = "Software"
    yield Finding(area, "Python", f"{platform.python_version()} on {platform.platform()}")
    for name in NEEDED:
        found = version_of(name)
        todo = "" if found else f"pip install {name}"
        yield Finding(area, name, found or "missing", "ok" if found else "broken", todo)
    yield Finding(area, "GDAL", rasterio.__gdal_version__)
    yield Finding(area, "PROJ", getattr(rasterio, "__proj_version__", "unknown"))
    yield projection()
    for name, (use, extra) in EXTRAS.items():
        found = version_of(name)
        todo = "" if found else f"for {use}: pip install 'earthloom[{extra}]'"
        yield Finding(area, name, found or "not installed", "ok" if found else "note", todo)


def version_of(name: str) -> str | None:
    """Of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def projection() -> Finding:
    """Whether PROJ finds its data: a place whose coordinates follow from the definition of UTM."""
    area, name = "Software", "PROJ's data"
    todo = "another PROJ's data are found first: unset PROJ_DATA and PROJ_LIB"
    (lon, lat), (x, y) = PLACE
    try:
        xs, ys = transform("EPSG:4326", "EPSG:32631", [lon], [lat])[:2]
    except Exception as error:  # whatever a broken library raises
        return Finding(area, name, " ".join(str(error).split()), "broken", todo)
    right = abs(xs[0] - x) < OFF_M and abs(ys[0] - y) < OFF_M
    return Finding(area, name, "found" if right else "wrong", "ok" if right else "broken", "" if right else todo)


def drivers() -> Iterator[Finding]:
    """GDAL's drivers that matter."""
    with rasterio.Env() as env:
        there = set(env.drivers())
    for kind, (names, needed, todo) in DRIVERS.items():
        found = [name for name in names if name in there]
        if not found and (beside := BESIDE.get(kind)) and version_of(beside):
            found = [beside]
        state: State = "ok" if found else "broken" if needed else "note"
        yield Finding("Formats", kind, ", ".join(found) or "no driver", state, "" if found else todo)


def machine() -> Iterator[Finding]:
    """Cores, memory, disks, and places that are written to."""
    area, free = "Machine", free_bytes()
    yield Finding(area, "cores", f"{cores()} of {os.cpu_count()}")
    whole = psutil.virtual_memory()
    limited = " (a container's limit)" if free < whole.available else ""
    yield Finding(
        area, "memory", f"{_size(free)} free{limited}, {_size(whole.total)} in all",
        "ok" if free > LEAST_FREE else "note", "" if free > LEAST_FREE else "close other programs; smaller tiles",
    )  # fmt: skip
    for name, folder in (("temporary files", Path(tempfile.gettempdir())), ("this folder", Path.cwd())):
        yield _folder(area, name, folder, name == "temporary files")
    own = Path(__file__).parents[1]
    cache = Path(os.environ.get("NUMBA_CACHE_DIR") or own)
    writable = os.access(cache, os.W_OK)
    yield Finding(
        area, "compiler's cache", _home(cache) if writable else f"{_home(cache)} cannot be written",
        "ok" if writable else "note",
        "" if writable else "set NUMBA_CACHE_DIR to a folder of yours, else kernels may be compiled on every start",
    )  # fmt: skip


def _folder(area: str, name: str, folder: Path, needed: bool) -> Finding:
    """Whether a folder takes a file, and how much more."""
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"earthloom")
    except OSError as error:
        todo = "set TMPDIR to a folder of yours" if needed else "products need another folder"
        return Finding(area, name, f"{_home(folder)}: {error.strerror}", "broken" if needed else "note", todo)
    free = shutil.disk_usage(folder).free
    state: State = "ok" if free > LEAST_FREE else "note"
    return Finding(area, name, f"{_home(folder)}, {_size(free)} free", state, "" if state == "ok" else "make room")


def environment() -> Iterator[Finding]:
    """Variables that change how things work, without secrets."""
    area = "Environment"
    for name in sorted(os.environ):
        if VARIABLES.match(name):
            yield Finding(area, name, "set (not shown)" if SECRET.search(name) else _masked(os.environ[name]))
    proxies = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    yield Finding(area, "proxies", f"{', '.join(proxies)} set" if proxies else "none set")


def _masked(value: str) -> str:
    """A value without what stands before the @ of a URL, and without the name of the home folder."""
    return _home(re.sub(r"//[^/@\s]*@", "//...@", value))


def _home(path: str | Path) -> str:
    return str(path).replace(str(Path.home()), "~") if str(Path.home()) != "/" else str(path)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def torch_there() -> bool:
    """Whether networks can run at all."""
    known = "torch" not in sys.modules or sys.modules["torch"] is not None
    return known and all(importlib.util.find_spec(name) is not None for name in ("torch", "safetensors"))
