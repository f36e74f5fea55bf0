"""Runs cases in the interpreter of one checkout: `PYTHONPATH=CHECKOUT/src python -m bench.same.side JOBS`.

JOBS is a JSON file: the folder of the inputs, and for every case its name, its folder, the words of its commands (none:
a function of ``arrays.py`` and its fellows). Beside the products every case leaves ``result.json``: exit codes and what
was printed.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import time
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

import earthloom
from bench.same import arrays_dates as arrays_dates
from bench.same import arrays_others as arrays_others
from bench.same.arrays import CASES
from earthloom.cli.main import run


def main(jobs: Path) -> None:
    """Run all cases of a file of jobs."""
    told = json.loads(jobs.read_text())
    inputs, source = Path(told["inputs"]), Path(earthloom.__file__ or "").parents[1]
    if source != Path(told["source"]):
        raise SystemExit(f"the sources of {source} were imported, not those of {told['source']}")
    for job in told["cases"]:
        folder, began = Path(job["folder"]), time.perf_counter()
        products = folder / "products"
        products.mkdir(parents=True)
        result = _in_python(job, inputs, products) if not job["words"] else _commands(job, inputs, products)
        result |= {"key": job["key"], "seconds": round(time.perf_counter() - began, 2)}
        (folder / "result.json").write_text(json.dumps(result, indent=1))


def _commands(job: dict[str, Any], inputs: Path, products: Path) -> dict[str, Any]:
    """Run command lines in this process until one fails."""
    found: dict[str, Any] = {"codes": [], "out": [], "err": []}
    private = products.parent / "inputs"
    if job["writes_inputs"]:
        shutil.copytree(inputs, private)
    for words in job["words"]:
        if job["writes_inputs"]:
            words = [word.replace(str(inputs), str(private)) for word in words]
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            try:
                run(words)
            except SystemExit as left:
                code = int(left.code or 0)
            except BaseException:
                code = 1
                traceback.print_exc()
        found["codes"].append(code)
        found["out"].append(_without_places(out.getvalue(), inputs, products.parent))
        found["err"].append(_without_places(err.getvalue(), inputs, products.parent))
        if code:
            break
    if job["writes_inputs"]:
        found["inputs_changed"] = sorted(
            str(path.relative_to(private))
            for path in private.rglob("*")
            if path.is_file() and (not (inputs / path.relative_to(private)).is_file() or _other(path, private, inputs))
        )
        shutil.rmtree(private)
    return found


def _other(path: Path, private: Path, inputs: Path) -> bool:
    """Whether a file is no longer what it was."""
    first, second = (hashlib.sha256(p.read_bytes()).digest() for p in (path, inputs / path.relative_to(private)))
    return first != second


def _in_python(job: dict[str, Any], inputs: Path, products: Path) -> dict[str, Any]:
    """Run a function that calls the verbs from Python, and keep what it returns."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            made = CASES[job["name"]](inputs, products)
        except Exception as error:
            refusal = type(error).__module__ == "earthloom.errors"
            line = f"{type(error).__name__}: {error}"
            return {
                "codes": [2 if refusal else 1],
                "out": [""],
                "err": [_without_places(line, inputs, products.parent)],
            }
    arrays: dict[str, np.ndarray] = {}
    tree = flatten(made, "o", arrays)
    np.savez(products / "arrays.npz", **arrays)
    (products / "tree.json").write_text(json.dumps(tree, indent=1, sort_keys=True, default=str))
    ours = [str(w.message) for w in said if w.category.__name__ == "EarthloomWarning"]
    return {"codes": [0], "out": [""], "err": [_without_places("\n".join(ours), inputs, products.parent)]}


def flatten(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """A value as plain data; the arrays in it go into ``arrays`` under their place in it."""
    kind = type(value).__module__.split(".")[0]
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        arrays[name], arrays[f"{name}.mask"] = np.where(mask, np.zeros((), value.dtype), value.data), mask
        return {"kind": "masked", "fill": str(value.fill_value), "dtype": str(value.dtype)}
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"kind": "numpy", "dtype": str(value.dtype), "shape": list(value.shape)}
    if kind == "torch" and hasattr(value, "numpy"):
        arrays[name] = value.detach().cpu().float().numpy() if "bfloat16" in str(value.dtype) else value.numpy()
        return {"kind": "torch", "dtype": str(value.dtype), "shape": list(value.shape), "device": str(value.device)}
    if kind == "xarray":
        arrays[name] = np.asarray(value.values)
        coords = {str(k): flatten(v.values, f"{name}.{k}", arrays) for k, v in sorted(value.coords.items())}
        return {
            "kind": "xarray", "dtype": str(value.dtype), "dims": list(value.dims), "name": value.name, "coords": coords,
            "attrs": plain(value.attrs), "encoding": plain(value.encoding),
            "coord_attrs": {str(k): plain(v.attrs) for k, v in sorted(value.coords.items())},
        }  # fmt: skip
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: flatten(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in fields(value)}
    if hasattr(value, "_asdict"):
        return flatten(value._asdict(), name, arrays)
    if isinstance(value, dict):
        return {str(k): flatten(v, f"{name}.{k}", arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [flatten(v, f"{name}.{at}", arrays) for at, v in enumerate(value)]
    return value.name if isinstance(value, Path) else plain(value)


def plain(value: Any) -> Any:
    """Numbers, texts, lists and mappings; anything else in words."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return value if isinstance(value, (str, int, bool, type(None))) else repr(value)


def _without_places(text: str, inputs: Path, folder: Path) -> str:
    """What was said, without the folders of this run."""
    for place, word in ((folder / "inputs", "{in}"), (inputs, "{in}"), (folder / "products", "{out}")):
        text = text.replace(str(place), word)
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
