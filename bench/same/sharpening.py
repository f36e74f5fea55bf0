"""Commands of pansharpening and super-resolution; see ``cases.py``."""

from __future__ import annotations

WV = "pansharpen --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif --sensor worldview2 -o {out}/o.tif"
ON = "-o {out}/o.tif"
PANSHARPEN = {
    **{
        m: f"{WV} -m {m}"
        for m in (
            "gsa", "brovey", "mtf_glp_hpm", "exp", "bt_h", "gs", "pca", "bdsd_pc", "pracs", "sfim", "awlp", "mtf_glp",
            "mtf_glp_fs", "cnmf", "cf2n",
        )
    },
    "gsa --gain global": f"{WV} --gain global",
    "gsa --refine": f"{WV} --refine 3 -v",
    "exp --refine": f"{WV} -m exp --refine 1",
    "cf2n --refine": f"{WV} -m cf2n --refine 2",
    "two threads": f"{WV} --threads 2 --tile-size 64",
    "small tiles": f"{WV} -m mtf_glp_hpm --tile-size 64",
    "small tiles, cf2n": f"{WV} -m cf2n --tile-size 96",
    "small tiles, refined": f"{WV} -m brovey --tile-size 64 --refine 2 --threads 2",
    "float32": f"{WV} --dtype float32",
    "uint8": f"{WV} --dtype uint8",
    "int16, no compression": f"{WV} --dtype int16 --compress none",
    "deflate": f"{WV} --compress deflate",
    "told nodata": f"{WV} --nodata 65535",
    "nodata 300": f"{WV} --nodata 300 -m brovey",
    ".mat": f"{WV[:-4]}.mat",
    ".mat float": f"{WV[:-4]}.mat --dtype float32 -m exp",
    ".dat": f"{WV[:-4]}.dat -m exp",
    "a file per band": "pansharpen --pan {in}/wv_pan.tif --ms {in}/wv_ms_1.tif {in}/wv_ms_2.tif {in}/wv_ms_3.tif " + ON,
    "PAN beyond MS": f"pansharpen --pan {{in}}/wide_pan.tif --ms {{in}}/wv_ms.tif {ON} -m mtf_glp_hpm",
    "MS in degrees": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/degrees_ms.tif {ON}",
    "register": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/shift_ms.tif {ON} --register -v",
    "displaced, not registered": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/shift_ms.tif {ON} -v",
    "register, refine": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/shift_ms.tif {ON} --register --refine 2",
    "black fill": f"pansharpen --pan {{in}}/fill_pan.tif --ms {{in}}/fill_ms.tif {ON}",
    "black fill, cf2n": f"pansharpen --pan {{in}}/fill_pan.tif --ms {{in}}/fill_ms.tif {ON} -m cf2n --nodata 0",
    "black fill, tiles": f"pansharpen --pan {{in}}/fill_pan.tif --ms {{in}}/fill_ms.tif {ON} --tile-size 128 -m awlp",
    "NaN holes": f"pansharpen --pan {{in}}/holes_pan.tif --ms {{in}}/holes_ms.tif {ON} -m mtf_glp_fs",
    "NaN holes as uint16": f"pansharpen --pan {{in}}/holes_pan.tif --ms {{in}}/holes_ms.tif {ON} --dtype uint16",
    "8 bit": f"pansharpen --pan {{in}}/byte_pan.tif --ms {{in}}/byte_ms.tif {ON}",
    "scaled": f"pansharpen --pan {{in}}/scaled_pan.tif --ms {{in}}/scaled_ms.tif {ON}",
    "scaled as float32": f"pansharpen --pan {{in}}/scaled_pan.tif --ms {{in}}/scaled_ms.tif {ON} --dtype float32",
    "scaled floats": f"pansharpen --pan {{in}}/floats_pan.tif --ms {{in}}/floats_ms.tif {ON}",
    "scaled floats as int16": f"pansharpen --pan {{in}}/floats_pan.tif --ms {{in}}/floats_ms.tif {ON} --dtype int16",
    "nowhere": f"pansharpen --pan {{in}}/nowhere_pan.tif --ms {{in}}/nowhere_ms.tif {ON}",
    "nowhere, toolbox": f"pansharpen --pan {{in}}/nowhere_pan.tif --ms {{in}}/nowhere_ms.tif {ON} --convention toolbox",
    "ignore georeferencing": f"{WV} --ignore-georeferencing -m sfim",
    "toolbox .mat": (
        "pansharpen --pan {in}/data_gf2.mat:pan --ms {in}/data_gf2.mat:lrms --sensor gaofen2 --convention toolbox " + ON
    ),
    "toolbox .mat to .mat": (
        "pansharpen --pan {in}/WV3_test.mat:pan --ms {in}/WV3_test.mat:lrms --sensor worldview3 --convention toolbox "
        "-m mtf_glp_hpm -o {out}/o.mat"
    ),
    "Landsat folder": f"pansharpen --pan {{in}}/l8 --ms {{in}}/l8 {ON}",
    "Landsat folder, exp tiles": f"pansharpen --pan {{in}}/l8 --ms {{in}}/l8 {ON} -m exp --tile-size 64",
    "Landsat folder, register": f"pansharpen --pan {{in}}/l8 --ms {{in}}/l8 {ON} -m bt_h --register --refine 1",
    "Landsat-8, six bands, cf2n": (
        "pansharpen --pan {in}/l8/l8_B8.tif --ms {in}/l8/l8_B2.tif {in}/l8/l8_B3.tif {in}/l8/l8_B4.tif "
        "{in}/l8/l8_B5.tif {in}/l8/l8_B6.tif {in}/l8/l8_B7.tif --sensor landsat8 -m cf2n " + ON
    ),
    "Landsat-7 .mat, cf2n": (
        "pansharpen --pan {in}/l7.mat:pan --ms {in}/l7.mat:ms --sensor landsat7 -m cf2n " + ON
    ),
    "Landsat-7 2:1": f"pansharpen --pan {{in}}/l7_pan.tif --ms {{in}}/l7_ms.tif --sensor landsat7 {ON} -m mtf_glp",
    "hyperspectral 3:1": f"pansharpen --pan {{in}}/hs_pan.tif --ms {{in}}/hs.tif {ON} -m mtf_glp_hpm --refine 1",
    "hyperspectral cnmf": f"pansharpen --pan {{in}}/hs_pan.tif --ms {{in}}/hs.tif {ON} -m cnmf",
    **{
        f"large {name}": f"pansharpen --pan {{in}}/big_pan.tif --ms {{in}}/big_ms.tif --sensor worldview2 {ON} {flags}"
        for name, flags in {
            "gsa": "", "exp": "-m exp --compress deflate", "no compression": "-m brovey --compress none",
            "tiles": "-m mtf_glp_fs --tile-size 256 --threads 2", "cf2n": "-m cf2n --tile-size 256 --dtype float32",
        }.items()
    },
    "large black fill": (
        "pansharpen --pan {in}/bigfill_pan.tif --ms {in}/bigfill_ms.tif -m mtf_glp_hpm --refine 1 --tile-size 256 " + ON
    ),
    "refused: output is an input": "pansharpen --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif -o {in}/wv_ms.tif --overwrite",
    "refused: .jp2": f"{WV[:-4]}.jp2",
    "refused: exists": "pansharpen --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif -o {in}/fill_ms.tif",
    "refused: no folder": "pansharpen --pan {in}/wv_pan.tif --ms {in}/wv_ms.tif -o {out}/no/o.tif",
    "refused: no method": f"{WV} -m gas",
    "refused: not a number of uint8": f"{WV} --dtype uint8 --nodata 300",
    "refused: compress": f"{WV} --compress lzw",
    "refused: dtype": f"{WV} --dtype text",
    "refused: tile": f"{WV} --tile-size 4",
    "refused: threads": f"{WV} --threads 0",
    "toolbox beside a place": f"{WV} --convention toolbox",
    "refused: elsewhere": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/fill_ms.tif {ON}",
    "refused: one without a place": f"pansharpen --pan {{in}}/wv_pan.tif --ms {{in}}/nowhere_ms.tif {ON}",
    "refused: exchanged": f"pansharpen --pan {{in}}/wv_ms_1.tif --ms {{in}}/wv_pan.tif {ON}",
    "refused: no file": f"pansharpen --pan {{in}}/none.tif --ms {{in}}/wv_ms.tif {ON}",
    "refused: bands of weights": f"pansharpen --pan {{in}}/l8 --ms {{in}}/l8 -m cf2n {ON}",
}  # fmt: skip

CUBE = "superresolve {in}/few.tif -o {out}/o.tif"
SUPERRESOLVE: dict[str, str | tuple[str, ...]] = {
    **{f"{m} -r {r}": f"{CUBE} -m {m} -r {r}" for m in ("bicubic", "back_projection") for r in (2, 3, 4, 8)},
    "dualsr": CUBE,
    "dualsr -r 2": f"{CUBE} -r 2",
    "dualsr --no-refine": f"{CUBE} -r 2 --no-refine",
    "coarsr": f"{CUBE} -m coarsr -r 2",
    "coarsr --refine": f"{CUBE} -m coarsr -r 2 --refine 2 -v",
    "dualsr released": f"{CUBE} -r 2 --variant released --fine none",
    "dualsr published": f"{CUBE} --fine published",
    "dualsr --angle-deg": f"{CUBE} -r 2 --angle-deg 2 --steps 3 --dtype float32",
    "dualsr tiles": f"{CUBE} -r 2 --tile-size 16 --threads 2",
    "bicubic refined": "superresolve {in}/cube.tif -o {out}/o.tif -m bicubic -r 2 --refine 2",
    "bicubic tiles": "superresolve {in}/cube.tif -o {out}/o.tif -m bicubic --tile-size 32",
    "back_projection tiles": "superresolve {in}/cube.tif -o {out}/o.tif -m back_projection -r 2 --tile-size 32",
    "gaps in the spectrum": "superresolve {in}/cube.tif -o {out}/o.tif -r 2 --bad-bands 1-2 20",
    "across gaps": (
        "superresolve {in}/cube.tif -o {out}/o.tif -r 2 --across-gaps -m back_projection --drop-bad --bad-bands 3"
    ),
    "ENVI": "superresolve {in}/envi -o {out}/o.tif -r 2",
    "ENVI by its header": "superresolve {in}/envi.hdr -o {out}/o.tif -r 2 -m bicubic --drop-bad",
    "ENVI to .mat": "superresolve {in}/envi -o {out}/o.mat -r 2 -m back_projection",
    ".mat": "superresolve {in}/cube.mat:cube -o {out}/o.tif -r 2",
    ".mat to .mat": "superresolve {in}/cube.mat -o {out}/o.mat -r 2 -m bicubic",
    "AVIRIS": "superresolve {in}/aviris.mat -o {out}/o.tif -r 2 -v --drop-bad",
    "scaled": "superresolve {in}/scaled_cube.tif -o {out}/o.tif -r 2",
    "scaled as float32": "superresolve {in}/scaled_cube.tif -o {out}/o.tif -r 2 -m bicubic --dtype float32",
    "mtf": f"{CUBE} -r 2 --sensor enmap -m back_projection",
    "mtf told": f"{CUBE} -r 2 --blur mtf -m bicubic",
    "georeferenced": "superresolve {in}/half.tif -o {out}/o.tif -r 2 -m back_projection --compress deflate",
    "ignore georeferencing": "superresolve {in}/half.tif -o {out}/o.tif -r 2 -m bicubic --ignore-georeferencing",
    "nodata": "superresolve {in}/half.tif -o {out}/o.tif -r 2 --nodata 65535 -m bicubic",
    "NaN holes": "superresolve {in}/holes_ms.tif -o {out}/o.tif -r 2 -m back_projection",
    "bands first": "superresolve {in}/cube.mat -o {out}/o.tif -r 2 -m bicubic --bands-first",
    "large": "superresolve {in}/wv_ms.tif -o {out}/o.tif -r 8 -m bicubic --refine 1",
    "large tiles": "superresolve {in}/big_ms.tif -o {out}/o.tif -r 4 -m back_projection --tile-size 256",
    "weights of authors": f"{CUBE} -r 2 --weights {{in}}/coarsr.pth -m coarsr",
    "weights brought in": (
        "weights import {in}/coarsr.pth -o {out}/w.safetensors", f"{CUBE} -r 2 --weights {{out}}/w.safetensors",
    ),
    "refused: few bands": "superresolve {in}/holes_ms.tif -o {out}/o.tif -r 2",
    "refused: ratio": f"{CUBE} -r 5",
    "refused: input": "superresolve {in}/few.tif -o {in}/few.tif --overwrite",
    "refused: exists": "superresolve {in}/few.tif -o {in}/cube.tif",
    "refused: .dat": "superresolve {in}/few.tif -o {out}/o.dat",
    "refused: bad bands": f"{CUBE} --bad-bands 1-90",
    "refused: all bad": f"{CUBE} --bad-bands 1-8",
    "refused: no weights": f"{CUBE} -m edsr",
}  # fmt: skip
