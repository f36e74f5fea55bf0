"""`earthloom demo`: the main job on the built-in sample, with figures and a picture; inputs to try the others on."""

from __future__ import annotations

import json as js
import shlex
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter

from earthloom.atomic import write_whole
from earthloom.cli.screen import strict

SHOWN = {"ergas": "ERGAS", "sam_deg": "SAM deg", "q2n": "Q2n", "psnr": "PSNR dB"}
METHODS = ("exp", "brovey", "gsa", "bdsd_pc", "mtf_glp_hpm", "mtf_glp_fs")
PICTURED = "mtf_glp_fs"
FIGURES, PICTURE, PAGE = "figures.json", "demo.png", "report.html"
Job = Literal["pansharpen", "sharpen", "predict", "series", "superresolve", "align", "decloud"]


def command(name: str, arguments: Sequence[str]) -> Callable[..., None]:
    """The function behind the command."""
    return demo


def demo(
    job: Annotated[
        Job, Parameter(help="What to try. All but the first write inputs and say what to type.")
    ] = "pansharpen",
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder for inputs, results and figures.")] = Path(
        "earthloom-demo"
    ),
    overwrite: Annotated[
        bool, Parameter(help="Replace the results of an earlier demo.", negative="", show_default=False)
    ] = False,
    json: Annotated[
        bool, Parameter(help="Print the figures, or what to type, as JSON.", negative="", show_default=False)
    ] = False,
    view: Annotated[
        bool, Parameter(help="Show the images in the browser at the end.", negative="", show_default=False)
    ] = False,
) -> None:
    """Sharpen the built-in sample and print the figures; or write inputs for another job, with the truth beside them.

    A real Landsat-7 image of Olinda, Brazil, is taken as the truth; what a PAN sensor and a four times coarser
    MS sensor would see of it is simulated, sharpened by several methods, and compared with the truth. For other
    jobs likewise: two dates, a cube, clouds.
    """
    if job != "pansharpen":
        return _inputs(job, output, overwrite, json, view)
    return _sharpened(output, overwrite, json, view)


def _inputs(job: str, output: Path, overwrite: bool, json: bool, view: bool) -> None:
    """Something to try a verb on, and the lines that do it."""
    from earthloom.raster.write.place import require_folder
    from earthloom.verbs.sampling.scenes import write_scene

    require_folder(output)
    scene = write_scene(job, output, overwrite)
    lines = [line.replace("{}/", "" if output == Path() else f"{shlex.quote(str(output))}/") for line in scene.lines]
    files = [output / name for name in scene.files]
    if json:
        print(js.dumps({"files": [str(path) for path in files], "type": lines}, indent=2))
    else:
        print(f"{scene.told}\n")
        print("\n".join(f"  {path}" for path in files))
        print("\nnow type\n" + "\n".join(f"  {line}" for line in lines))
    if view:
        from earthloom.viewer.serve import view as serve

        serve(files)


def _sharpened(output: Path, overwrite: bool, json: bool, view: bool) -> None:
    """The main job: inputs, products of several methods, figures, a picture, a page."""
    from earthloom.raster.write.place import require_folder, require_place
    from earthloom.report.table import text_table
    from earthloom.verbs.evaluate import evaluate
    from earthloom.verbs.pansharpen import pansharpen
    from earthloom.verbs.sampling.demo import write_inputs

    require_folder(output)
    for name in (FIGURES, PICTURE, PAGE):
        require_place(output / name, overwrite)
    inputs = write_inputs(output, overwrite)
    rows: dict[str, dict[str, float]] = {}
    for name in METHODS:
        path, began = output / f"sharp_{name}.tif", time.perf_counter()
        pansharpen(inputs.pan, inputs.ms, name, sensor=inputs.sensor, output=path, overwrite=overwrite)
        seconds = time.perf_counter() - began
        figures = evaluate(path, inputs.truth, ratio=inputs.ratio, peak=255).figures
        rows[name] = {title: figures[key] for key, title in SHOWN.items()} | {"seconds": seconds}
    picture = _picture(inputs, output, rows)
    write_whole(output / FIGURES, (js.dumps(rows, indent=2) + "\n").encode())
    page = _page(output, inputs.truth)
    if json:
        print(js.dumps(strict(rows), indent=2, allow_nan=False))
        return
    print("Against the truth; * marks the best of a column, exp is no fusion at all\n")
    print(text_table({k: {c: v for c, v in row.items() if c != "seconds"} for k, row in rows.items()}))
    print("\n" + "\n".join(_explained(key, title) for key, title in SHOWN.items()))
    print(f"\nresult   {output / f'sharp_{PICTURED}.tif'}\nfigures  {output / FIGURES}\npicture  {picture}\n{page}")
    print(f"\nthe same by hand\n  earthloom pansharpen --pan {inputs.pan} --ms {inputs.ms} -m {PICTURED} -o sharp.tif")
    if view:
        from earthloom.viewer.serve import view as serve

        serve([output / f"sharp_{PICTURED}.tif", inputs.ms, inputs.pan, inputs.truth])


def _explained(key: str, title: str) -> str:
    """A figure in words, which way is better first."""
    from earthloom.evaluation.meanings import SENSES, meaning

    told = meaning(key)
    start = f"{title:<8} {SENSES[told.better]} is better: "
    words = f"{told.words[0].lower()}{told.words[1:]}" if told.words[1].islower() else told.words
    return textwrap.fill(start + words, 79, subsequent_indent=" " * 9)


def _page(output: Path, truth: Path) -> str:
    """The report of the pictured product beside the truth, or what it takes to have one."""
    from earthloom.errors import InputError
    from earthloom.verbs.report import report

    try:
        page = report(output / f"sharp_{PICTURED}.tif", output / PAGE, reference=truth, overwrite=True)
    except InputError as missing:
        return f"report   none: {missing}"
    return f"report   {page}"


def _picture(inputs: Any, output: Path, rows: dict[str, dict[str, float]]) -> Path:
    """MS, PAN, product and truth of a detail, side by side."""
    from earthloom.raster.open import open_image
    from earthloom.report.quicklook import side_by_side
    from earthloom.types import Window

    def rgb(path: Path, step: int = 1) -> np.ndarray:
        with open_image(path) as image:
            data, _ = image.read(Window(0, 0, *image.shape))
        data = data[[2, 1, 0]] if len(data) > 1 else data
        return data[:, 180 // step : 300 // step, 120 // step : 240 // step]

    truth = rgb(inputs.truth)
    best = output / f"sharp_{PICTURED}.tif"
    panels = {
        "MS": (rgb(inputs.ms, inputs.ratio), "114 m, what the MS sensor saw"),
        "PAN": (rgb(inputs.pan), "28.5 m, what the PAN sensor saw"),
        "Earthloom": (rgb(best), f"{PICTURED}, ERGAS {rows[PICTURED]['ERGAS']:.2f} (EXP {rows['exp']['ERGAS']:.2f})"),
        "Truth": (truth, "28.5 m, Landsat-7, Olinda, Brazil"),
    }
    return side_by_side(panels, truth, output / PICTURE, columns=4)
