"""Commands whose products are compared: every verb, its branches, and what it refuses.

`{in}` and `{out}` are the folders of the inputs and of the products. A command that does not name --threads gets one.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.same.dates import FOLDERS, PREDICT, SERIES
from bench.same.sharpening import ON, PANSHARPEN, SUPERRESOLVE, WV


@dataclass(frozen=True)
class Case:
    """Commands that follow each other, or (without commands) a function of :mod:`bench.same.side`.

    ``prints`` says whether what the last command prints is a product too.
    """

    name: str
    commands: tuple[str, ...] = ()
    prints: Literal["", "json", "text"] = ""

    def words(self, inputs: Path, out: Path) -> list[list[str]]:
        """The arguments of every command."""
        found = []
        for command in self.commands:
            words = [word.replace("{in}", str(inputs)).replace("{out}", str(out)) for word in shlex.split(command)]
            runs = (
                words[0] not in ("evaluate", "demo", "info", "revisit", "dataset", "weights")
                and "--threads" not in words
            )
            found.append([*words, "--threads", "1"] if runs else words)
        return found


BETWEEN = "--from sentinel2a --to gaofen1_wfv"
FOUR = f"{BETWEEN} {ON}"
TARGET = f"align {{in}}/four.tif --target {{in}}/wfv.tif --target-mask {{in}}/wfv_cloud.tif {FOUR}"
REAL = (
    "align {in}/s2.tif --from sentinel2a --to landsat8 --source-bands B4 B3 B2 --target {in}/l8.tif "
    "--target-bands SR_B4 SR_B3 SR_B2 --source-scale 1 --target-scale 1 -o {out}/o.tif"
)
FIT = f"align fit {{in}}/four.tif {{in}}/wfv.tif --target-masks {{in}}/wfv_cloud.tif {BETWEEN} -o {{out}}/t.json"
APPLY = "align apply {out}/t.json {in}/four.tif -o {out}/o.tif"
FIT_METHODS = ("ols", "cross_linear", "cross_quadratic", "robust", "rma", "monotone_lut", "cdf_match")
ALIGN: dict[str, str | tuple[str, ...]] = {
    "spectral": f"align {{in}}/four.tif {FOUR}",
    "spectral, lines": f"align {{in}}/four.tif {FOUR} --no-cross --compress none",
    "spectral, float": f"align {{in}}/four_float.tif {FOUR}",
    "spectral, told scale": f"align {{in}}/four_byte.tif {FOUR} --source-scale 0.002",
    "spectral, tiles": f"align {{in}}/four.tif {FOUR} --tile-size 64 --threads 2 --dtype float32",
    "spectral, some bands": (
        f"align {{in}}/msi.tif --from sentinel2a --to landsat8 {ON} --source-scale 1e-4 --source-bands B2 B4"
    ),
    "hls": f"align {{in}}/msi.tif --from sentinel2a --to landsat8 -m hls {ON} --source-scale 1e-4",
    "none": f"align {{in}}/four.tif {FOUR} -m none",
    "unet_lut, shipped": f"align {{in}}/four.tif {FOUR} -m unet_lut",
    "unet_lut_x, shipped": f"align {{in}}/four.tif {FOUR} -m unet_lut_x",
    **{f"target {m}": f"{TARGET} -m {m}" for m in FIT_METHODS},
    "target figure": f"{TARGET} -m ols --figure {{out}}/f.png",
    "target tiles": f"{TARGET} -m cross_linear --tile-size 64 --threads 2",
    "target, no mask": f"{TARGET.replace('--target-mask {in}/wfv_cloud.tif', '')} -m robust -v",
    "target, source mask": f"{TARGET.replace('target-mask', 'source-mask')} -m rma --source-mask-values 1",
    "target 8 bit": f"{TARGET.replace('four.tif', 'four_byte.tif').replace('wfv.tif', 'wfv_byte.tif')} -m ols "
    "--source-scale 0.002 --target-scale 0.002",
    "target float": f"{TARGET.replace('four.tif', 'four_float.tif').replace('wfv.tif', 'wfv_float.tif')}",
    "other grid": f"{REAL} -m cross_linear",
    "other grid ols": f"{REAL} -m ols -v",
    "other grid monotone_lut": f"{REAL} -m monotone_lut",
    **{f"fit and apply {m}": (f"{FIT} -m {m}", APPLY) for m in FIT_METHODS},
    "fit folders": (
        f"align fit {{in}}/sets/four {{in}}/sets/wfv {BETWEEN} -o {{out}}/t.json -m ols --figure {{out}}/f.png",
        f"{APPLY} --tile-size 64",
    ),
    "fit and apply 8 bit": (
        FIT.replace("four.tif", "four_byte.tif").replace("wfv.tif", "wfv_byte.tif")
        + " -m monotone_lut --source-scale 0.002 --target-scale 0.002",
        f"{APPLY.replace('four.tif', 'four_byte.tif')} --source-scale 0.002",
    ),
    "fit and apply float": (f"{FIT} -m monotone_lut", APPLY.replace("four.tif", "four_float.tif")),
    "fit and apply, dtype": (f"{FIT} -m cross_quadratic", f"{APPLY} --dtype float32 --threads 2 --tile-size 64"),
    "fit and apply, real": (
        REAL.replace("align {in}/s2.tif", "align fit {in}/s2.tif {in}/l8.tif").replace(" --target {in}/l8.tif", "")
        .replace("o.tif", "t.json") + " -m robust",
        "align apply {out}/t.json {in}/s2_later.tif --source-scale 1 -o {out}/o.tif",
    ),
    "aligned twice, forced": (
        f"align {{in}}/four.tif {FOUR}",
        f"align {{out}}/o.tif --target {{in}}/wfv.tif {FOUR.replace('o.tif', 'p.tif')} -m ols --force",
    ),
    "refused: aligned twice": (
        f"align {{in}}/four.tif {FOUR}", f"align {{out}}/o.tif {FOUR.replace('o.tif', 'p.tif')}",
    ),
    "large": f"align {{in}}/large_four.tif {FOUR} --tile-size 256",
    "large, target": f"align {{in}}/large_four.tif --target {{in}}/large_wfv.tif {FOUR} -m monotone_lut",
    "large, fit and apply": (f"{FIT} -m monotone_lut", APPLY.replace("four", "large_four")),
    "refused: no sensor": f"align {{in}}/four.tif {ON}",
    "refused: scale": f"align {{in}}/four_byte.tif {FOUR}",
    "refused: exists": f"align {{in}}/four.tif {FOUR.replace('{out}/o', '{in}/wfv')}",
    "refused: input": f"align {{in}}/four.tif {FOUR.replace('{out}/o', '{in}/four')} --overwrite",
    "refused: needs a target": f"align {{in}}/four.tif {FOUR} -m ols",
    "hls to another": f"align {{in}}/four.tif {FOUR} -m hls",
    "refused: elsewhere": f"align {{in}}/four.tif --target {{in}}/wv_ms.tif {FOUR}",
    "refused: no transform": "align apply {in}/l8/l8_MTL.txt {in}/four.tif -o {out}/o.tif",
}  # fmt: skip

TRIPLET = "decloud --optical {in}/4438_cloudy.tif --sar {in}/4438_s1.tif --mask {in}/4438_mask.tif -o {out}/o.tif"
BGRN = "decloud --optical {in}/bgrn.tif --sar {in}/4438_s1.tif --mask {in}/4438_mask.tif -o {out}/o.tif"
DATES = (
    "decloud --optical {in}/dates/2018-03-22.tif --date {in}/dates/2018-03-07.tif {in}/dates/2018-04-26.tif "
    "--mask {in}/dates/2018-03-22_mask.tif -o {out}/o.tif"
)
DATE_MASKS = "--date-mask {in}/dates/2018-03-07_mask.tif {in}/dates/2018-04-26_mask.tif"
WINTER = "decloud --optical {in}/winter.tif --sar {in}/winter_s1.tif --sensor sentinel2a -o {out}/o.tif"
GIVEN = "--mask {in}/winter_mask.tif"
DECLOUD = {
    "inpaint": f"{TRIPLET} -m inpaint",
    "sar_regression": TRIPLET,
    "sar_regression, not similar": f"{TRIPLET} --no-similar --reach 16 -v",
    "replace all": f"{BGRN} --replace-all",
    "two threads": f"{BGRN} --threads 2 --tile-size 64",
    "inpaint tiles": f"{BGRN} -m inpaint --tile-size 64 --dtype float32",
    "scaled": BGRN.replace("bgrn.tif", "bgrn_scaled.tif"),
    "scaled as float32": BGRN.replace("bgrn.tif", "bgrn_scaled.tif") + " --dtype float32 --compress none",
    "refused: .mat": BGRN.replace("o.tif", "o.mat"),
    "nodata": f"{BGRN} --nodata 0 -m inpaint",
    "linear": f"{BGRN} --sar-units db",
    "mosaic": f"{DATES} {DATE_MASKS} --sensor sentinel2a",
    "mosaic, masks found": f"{DATES.split(' --mask')[0]} {ON} -m mosaic --sensor sentinel2a",
    "mosaic, dates found": f"{DATES} -m mosaic",
    "mosaic, replace all": f"{DATES} {DATE_MASKS} --replace-all --tile-size 64",
    "winter": f"{WINTER} {GIVEN}",
    "winter, values": f"{WINTER} {GIVEN} --mask-values 8",
    "winter, mask found": WINTER,
    "winter, inpaint": f"{WINTER.replace('--sar {in}/winter_s1.tif', '')} {GIVEN} -m inpaint",
    "winter, radar grid": f"{WINTER.replace('winter_s1', 'winter_s1_grid')} {GIVEN} --mask-values 8 9",
    "winter, bands": f"{WINTER.replace('--sensor sentinel2a', '')} {GIVEN} --compress deflate",
    "refused: winter, no places": f"{WINTER} {GIVEN} --ignore-georeferencing",
    "large": BGRN.replace("bgrn", "large_bgrn").replace("4438", "large"),
    "large, inpaint": BGRN.replace("bgrn", "large_bgrn").replace("4438", "large") + " -m inpaint --tile-size 256",
    "refused: no mask for the bands": "decloud --optical {in}/wv_pan.tif -o {out}/o.tif",
    "refused: mosaic without dates": f"{BGRN} -m mosaic",
    "refused: no radar": f"{BGRN.replace('--sar {in}/4438_s1.tif', '')} -m sar_regression",
    "refused: input": BGRN.replace("{out}/o.tif", "{in}/bgrn.tif") + " --overwrite",
    "refused: exists": BGRN.replace("{out}/o.tif", "{in}/4438_clear.tif"),
    "refused: mask of bands": BGRN.replace("4438_mask", "4438_s1"),
    "refused: linear": f"{BGRN} --sar-units linear",
    "refused: no weights": f"{BGRN} -m cf2n",
}

EVALUATE = {
    "reference": "evaluate {in}/wv_ms.tif --reference {in}/wv_ms.tif --ratio 4 --json",
    "without reference": (WV, "evaluate {out}/o.tif --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif --json"),
    "toolbox": (
        PANSHARPEN["toolbox .mat"],
        "evaluate {out}/o.tif --reference {in}/data_gf2.mat:gt --ratio 4 --margin 21 --peak 1 --json",
    ),
    "toolbox without reference": (
        PANSHARPEN["toolbox .mat"],
        "evaluate {out}/o.tif --pan {in}/data_gf2.mat:pan --ms {in}/data_gf2.mat:lrms --sensor gaofen2 "
        "--convention toolbox --json",
    ),
    "Landsat folder": (
        PANSHARPEN["Landsat folder"], "evaluate {out}/o.tif --pan {in}/l8 --ms {in}/l8 --json",
    ),
    "clouds": (
        DECLOUD["inpaint"],
        "evaluate {out}/o.tif --reference {in}/4438_clear.tif --mask {in}/4438_mask.tif --peak 10000 --json",
    ),
    "cubes": (
        SUPERRESOLVE["georeferenced"],
        "evaluate {out}/o.tif --reference {in}/truth.tif --hs {in}/half.tif --ratio 2 --json --figure {out}/f.png",
    ),
    "nodata": "evaluate {in}/fill_ms.tif --reference {in}/fill_ms.tif --ratio 4 --nodata 0 --json",
    "text": (WV, "evaluate {out}/o.tif --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif"),
    "series": FOLDERS.replace("-o {out}/s", "") + " --evaluate --json --beside fit_fc --figure {out}/f.png",
    "refused: nothing": "evaluate {in}/wv_ms.tif --json",
    "refused: ratio": "evaluate {in}/wv_ms.tif --reference {in}/wv_ms.tif",
    "refused: grids": "evaluate {in}/wv_ms.tif --reference {in}/fill_ms.tif --ratio 4",
    "refused: pan alone": "evaluate {in}/wv_ms.tif --pan {in}/wv_pan.tif",
}  # fmt: skip
DEMO = {"demo": "demo -o {out}/demo", "demo again": ("demo -o {out}/demo", "demo -o {out}/demo --overwrite")}
OTHERS = {
    "info": "info {in}/envi --json", "info folder": "info {in}/l8 --json",
    "info product": (WV, "info {out}/o.tif"),
    "revisit": "revisit {in}/sights.csv --json",
    "revisit masks": "revisit {in}/ndvi/sights.csv --mask-values 2 4 255 --json",
    "dataset convert": "dataset convert {in}/sets/pairs -o {out}/d --sensor worldview2",
    "dataset convert to HDF5": "dataset convert {in}/sets/pairs -o {out}/d.h5 --sensor worldview2 --patch 32",
}  # fmt: skip
VERBS = {
    "pansharpen": PANSHARPEN, "predict": PREDICT, "series": SERIES, "superresolve": SUPERRESOLVE, "align": ALIGN,
    "decloud": DECLOUD, "evaluate": EVALUATE, "demo": DEMO, "others": OTHERS,
}  # fmt: skip


def cases() -> list[Case]:
    """Every case of the command line."""
    found = []
    for verb, named in VERBS.items():
        for name, told in named.items():
            commands = (told,) if isinstance(told, str) else told
            last = commands[-1]
            prints = "json" if "--json" in last else "text" if last.startswith(("evaluate", "demo", "info")) else ""
            found.append(Case(f"{verb}: {name}", commands, prints))
    return found
