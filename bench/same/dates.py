"""Commands of the verbs that predict dates; see ``cases.py``."""

from __future__ import annotations

K = "{in}/kranj/landsat_filled/20200{0}_l8.tif {in}/kranj/modis/20200{0}_modis.tif 20200{0}"
PAIRS = [f"--pair {K.replace('{0}', day)}" for day in ("68", "77", "93")]
KRANJ = (
    "predict {pairs} --coarse {in}/kranj/modis/2020072_modis.tif 2020072 --fine-scale 1e-4 --ratio 16 -o {out}/o.tif"
)
ONE, TWO = KRANJ.replace("{pairs}", PAIRS[0]), KRANJ.replace("{pairs}", f"{PAIRS[0]} {PAIRS[1]}")
N = "{in}/ndvi/fine/2015{0}.tif {in}/ndvi/coarse/2015{0}.tif 2015{0}"
NDVI = (
    f"predict --pair {N.replace('{0}', '0414')} --pair {N.replace('{0}', '0905')} "
    "--coarse {in}/ndvi/coarse/20150804.tif 2015-08-04 -o {out}/o.tif"
)
CLOUDY = (
    f"predict --pair {N.replace('{0}', '0414')} --pair {N.replace('{0}', '0710')} "
    "--coarse {in}/ndvi/coarse/20150804.tif 2015-08-04 -o {out}/o.tif --fine-mask none {in}/ndvi/masks/20150710.tif"
)
CITY = (
    "predict --pair {in}/city/fine_20150711.tif {in}/city/coarse_20150711.tif 20150711 "
    "--coarse {in}/city/coarse_20171018.tif 20171018 -o {out}/o.tif"
)
MOVED = CITY.replace("/coarse_2", "/moved_2")
UNITS = (
    "predict --pair {in}/units/L_2016_236.tif {in}/units/M_2016_236.tif 2016236 "
    "--coarse {in}/units/M_2016_243.tif 2016243 -o {out}/o.tif"
)
LST = (
    "predict --pair {in}/lst/fine_20160205.tif {in}/lst/coarse_20160205.tif 20160205 "
    "--pair {in}/lst/fine_20160308.tif {in}/lst/coarse_20160308.tif 20160308 "
    "--coarse {in}/lst/coarse_20160218.tif 20160218 -o {out}/o.tif"
)
LARGE = (
    "predict --pair {in}/large_20150414.tif {in}/large_modis_20150414.tif 20150414 "
    "--pair {in}/large_20150905.tif {in}/large_modis_20150905.tif 20150905 "
    "--coarse {in}/large_modis_20150804.tif 20150804 -o {out}/o.tif"
)
PREDICT = {
    **{f"Kranj {m}": f"{TWO} -m {m}" for m in ("copy", "starfm", "estarfm", "fsdaf", "fit_fc")},
    "Kranj spstfm": f"{TWO} -m spstfm",
    **{f"Kranj {m}, one pair": f"{ONE} -m {m}" for m in ("copy", "starfm", "fsdaf", "fit_fc")},
    "Kranj three pairs": KRANJ.replace("{pairs}", " ".join(PAIRS)),
    "refused: .mat": f"{TWO.replace('o.tif', 'o.mat')}",
    "Kranj bands": f"{TWO} --fine-bands 4 3 --coarse-bands 4 3 -m estarfm",
    "Kranj int16": f"{TWO} --dtype int16 --compress none",
    "Kranj match": f"{TWO} --match regression",
    "Kranj nodata": f"{TWO} --fine-nodata -9999 -m copy",
    "Kranj masks": (
        f"{TWO} --fine-mask {{in}}/kranj/masks/2020068_mask.tif none --fine-mask-values 4 "
        "--coarse-mask {in}/kranj/coarse_masks/2020068_mask.tif none none"
    ),
    "Kranj mask bits": f"{TWO} --fine-mask {{in}}/kranj/masks/2020068_mask.tif none --fine-mask-bits 2 -m fit_fc",
    "Kranj unfilled": TWO.replace("landsat_filled", "landsat_unfilled"),
    "NDVI": NDVI,
    **{f"NDVI {m}": f"{NDVI} -m {m}" for m in ("estarfm", "fsdaf", "fit_fc")},
    "NDVI starfm nasa": f"{NDVI} --variant nasa",
    "NDVI refined": f"{NDVI} --refine 3 -v",
    "NDVI tiles": f"{NDVI} --tile-size 64 --threads 2",
    "NDVI fsdaf tiles": f"{NDVI} --tile-size 64 -m fsdaf",
    "NDVI masks": f"{CLOUDY} -m fit_fc",
    "NDVI masks, classes": f"{CLOUDY} --fine-mask-values 2 4 255 -m starfm",
    "NDVI masks, estarfm": f"{CLOUDY} -m estarfm --dtype float32",
    "NDVI off": f"{NDVI} --coregister off --match regression -m copy",
    "city": CITY,
    "city fsdaf refined": f"{CITY} -m fsdaf --refine 1",
    "city fit_fc": f"{CITY} -m fit_fc",
    "city scaled": f"{CITY} --fine-scale 1e-4 --coarse-scale 1e-4 --fine-offset -0.1 --coarse-offset -0.1 -m fit_fc",
    "city sensors": (
        f"{CITY} --fine-sensor sentinel2a --coarse-sensor modis --fine-bands red green --coarse-bands red green"
    ),
    "city, two days": f"{CITY.replace(' 20150711 --coarse', ' 2015-07-11/2015-07-14 --coarse')} -m copy",
    **{f"moved {how}": f"{MOVED} --coregister {how} -m fit_fc" for how in ("auto", "always", "measure", "off")},
    "moved, refined": f"{MOVED} --refine 2 -m copy",
    "units, regression": f"{UNITS} --match regression",
    "units, regression, fit_fc": f"{UNITS} --match regression --ratio 16 -m fit_fc",
    "temperature": f"{LST} --ratio 10",
    "temperature copy": f"{LST} -m copy",
    "temperature estarfm": f"{LST} -m estarfm --match regression",
    "ignore georeferencing": f"{CITY} --ignore-georeferencing --coregister measure -m copy",
    "large": LARGE,
    "large copy": f"{LARGE} -m copy --compress deflate",
    "large fit_fc": f"{LARGE} -m fit_fc --tile-size 256 --fine-mask none {{in}}/large_clouds.tif",
    "refused: units": UNITS,
    "refused: scale": ONE.replace("--fine-scale 1e-4", ""),
    "refused: no ratio": ONE.replace("--ratio 16", "") + " -m fsdaf",
    "refused: input": CITY.replace("{out}/o.tif", "{in}/city/fine_20150711.tif") + " --overwrite",
    "refused: exists": CITY.replace("{out}/o.tif", "{in}/city/fine_20171018.tif"),
    "refused: .png": CITY.replace("o.tif", "o.png"),
    "refused: days": CITY.replace(" 20150711 --coarse", " 2015-07-11/2015-08-14 --coarse"),
    "refused: known date": CITY.replace("tif 20171018", "tif 20150711"),
    "refused: refine on the fine grid": f"{UNITS} --match regression --refine 1",
    "refused: one pair": f"{ONE} -m estarfm",
    "refused: masks": f"{TWO} --fine-mask {{in}}/kranj/masks/2020068_mask.tif",
    "refused: no bands": f"{TWO} --fine-bands 9 --coarse-bands 1",
    "refused: no weights": f"{ONE} -m stfgan",
}  # fmt: skip

FOLDERS = (
    "series --fine-dir {in}/kranj/landsat_filled --coarse-dir {in}/kranj/modis -o {out}/s --fine-scale 1e-4 --ratio 16"
)
GAPS = FOLDERS.replace("landsat_filled", "landsat_unfilled")
NDVIS = (
    "series --fine-dir {in}/ndvi/fine --coarse-dir {in}/ndvi/coarse -o {out}/s --fine-mask-dir {in}/ndvi/masks "
    "--fine-mask-values 2 4 255"
)
SERIES = {
    "Kranj": FOLDERS,
    "Kranj copy": f"{FOLDERS} -m copy",
    "Kranj fit_fc": f"{FOLDERS} -m fit_fc --dates 2020-03-10/2020-03-14",
    "Kranj estarfm, match": f"{FOLDERS} -m estarfm --match regression --dates 2020-03-12 --dtype int16",
    "Kranj fill": f"{GAPS} --fill --dates 2020-03-08/2020-03-12",
    "Kranj fill, masks": (
        f"{GAPS} --fill --fine-mask-dir {{in}}/kranj/masks --coarse-mask-dir {{in}}/kranj/coarse_masks -m fit_fc"
    ),
    "Kranj, nearest alone": f"{FOLDERS} --most-pairs 1 --dates 2020-03-12 2020-03-25 --compress none",
    "Kranj, days apart": f"{FOLDERS} --days-apart 7 -m copy --date-pattern '(?P<year>\\d{{4}})(?P<day>\\d{{3}})_'",
    "NDVI": NDVIS,
    "NDVI fill, refined": f"{NDVIS} --fill --refine 1 -m fit_fc",
    "NDVI tiles": f"{NDVIS} --tile-size 64 --threads 2",
    "refused: no folder": FOLDERS.replace("{in}/kranj/modis", "{in}/none"),
    "refused: folder of inputs": FOLDERS.replace("{out}/s", "{in}/kranj/modis"),
    "refused: scale": FOLDERS.replace("--fine-scale 1e-4", ""),
    "refused: no dates": f"{FOLDERS} --dates 2021-01-01",
}
