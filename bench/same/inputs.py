"""The images that both checkouts are given: windows of the shared data, cut once, and a few variants of them."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import Resampling, calculate_default_transform, reproject
from rasterio.windows import Window
from scipy.io import loadmat, savemat

SHARED = Path(os.environ.get("EARTHLOOM_SHARED", Path(__file__).resolve().parents[3] / "shared"))
CITY_DAYS = ("20150711", "20171018")
NDVI_DAYS = {104: "LC81250382015104", 191: "LC81260382015191", 216: "LC81250382015216", 248: "LC81250382015248"}
MASKED = (104, 191, 216)


def make(folder: Path) -> None:
    """Cut all inputs into a folder, unless a whole set lies there already."""
    done = folder / "whole"
    if done.is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        for part in (
            _worldview,
            _landsat8,
            _benchmarks,
            _kranj,
            _ndvi,
            _other_dates,
            _cubes,
            _alignment,
            _clouds,
            _large,
            _others,
        ):
            part(SHARED / "data", folder)
    done.touch()


def _cut(source: Path, target: Path, window: Sequence[int], bands: Sequence[int] | None = None, **changed: Any) -> None:
    """A window (y, x, height, width) of a file, its names, scales and band tags kept."""
    y, x, height, width = window
    with rasterio.open(source) as file:
        area = Window(x, y, width, height)  # type: ignore[call-arg]
        numbers = list(bands or file.indexes)
        about = {
            "transform": None if file.transform.is_identity else file.window_transform(area), "crs": file.crs,
            "nodata": file.nodata, "descriptions": [file.descriptions[at - 1] for at in numbers],
            "scales": [file.scales[at - 1] for at in numbers], "offsets": [file.offsets[at - 1] for at in numbers],
            "band_tags": [file.tags(at) for at in numbers],
        }  # fmt: skip
        data = changed.pop("data", None)
        _put(target, file.read(numbers, window=area) if data is None else data, **{**about, **changed})


def _put(target: Path, data: np.ndarray, transform: Affine | None = None, **about: Any) -> None:
    """Write a raster file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    later = {key: about.pop(key, None) for key in ("descriptions", "scales", "offsets", "band_tags")}
    where = {} if transform is None else {"transform": transform}
    size = {"count": len(data), "height": data.shape[1], "width": data.shape[2], "dtype": data.dtype.name}
    with rasterio.open(target, "w", **{"driver": "GTiff", **where, **size, **about}) as file:
        file.write(data)
        if later["scales"] and (set(later["scales"]) != {1.0} or set(later["offsets"]) != {0.0}):
            file.scales, file.offsets = later["scales"], later["offsets"]
        for band in file.indexes:
            if later["descriptions"] and later["descriptions"][band - 1]:
                file.set_band_description(band, later["descriptions"][band - 1])
            if later["band_tags"]:
                file.update_tags(band, **later["band_tags"][band - 1])


def _read(path: Path) -> np.ndarray:
    """All bands of a file."""
    with rasterio.open(path) as file:
        return file.read()


def _worldview(data: Path, folder: Path) -> None:
    """4:1 with georeferencing, with black fill, scaled, in degrees, without a place, displaced."""
    chips = data / "sharpening/worldview2_rotterdam"
    small, large = (30, 40, 64, 60), (120, 160, 256, 240)
    for name, chip, low, high in (("wv", 1, small, large), ("fill", 2, (20, 20, 80, 80), (80, 80, 320, 320))):
        _cut(chips / f"chip{chip}_pan.tif", folder / f"{name}_pan.tif", high)
        _cut(chips / f"chip{chip}_ms.tif", folder / f"{name}_ms.tif", low)
    ms, pan = chips / "chip1_ms.tif", chips / "chip1_pan.tif"
    _cut(pan, folder / "wide_pan.tif", (80, 100, 340, 330))  # reaches beyond the MS on all sides
    _cut(ms, folder / "shift_ms.tif", (31, 41, 62, 58), data=_read(folder / "wv_ms.tif")[:, :62, :58])
    for role, source in (("pan", folder / "wv_pan.tif"), ("ms", folder / "wv_ms.tif")):
        numbers = _read(source)
        bands = [f"{role}{band}" for band in range(1, len(numbers) + 1)]
        few = {"scales": [0.01] * len(numbers), "offsets": [-1.0] * len(numbers), "descriptions": bands}
        with rasterio.open(source) as file:
            place = {"transform": file.transform, "crs": file.crs}
        _put(folder / f"scaled_{role}.tif", numbers.astype("int16"), nodata=-9999, **place, **few)
        _put(folder / f"floats_{role}.tif", numbers.astype("float32"), **place, **few)
        _put(folder / f"nowhere_{role}.tif", numbers)
        _put(folder / f"byte_{role}.tif", (numbers // 8).clip(1, 255).astype("uint8"), nodata=0, **place)
        holes = numbers.astype("float32")
        holes[:, 20:30, 10:25] = np.nan
        _put(folder / f"holes_{role}.tif", holes, **place, nodata=np.nan)
    with rasterio.open(folder / "wv_ms.tif") as file:
        transform, width, height = calculate_default_transform(
            file.crs, "EPSG:4326", file.width, file.height, *file.bounds
        )
        degrees = np.zeros((4, height, width), "uint16")
        where = {"src_transform": file.transform, "src_crs": file.crs, "dst_transform": transform}
        reproject(file.read(), degrees, dst_crs="EPSG:4326", resampling=Resampling.bilinear, **where)
        for band in range(1, 5):
            _put(folder / f"wv_ms_{band}.tif", file.read([band]), file.transform, crs=file.crs, nodata=0)
    _put(folder / "degrees_ms.tif", degrees, transform, crs="EPSG:4326", nodata=0)


def _landsat8(data: Path, folder: Path) -> None:
    """The folder of a scene, cut."""
    scene = data / "sharpening/landsat8_p020r039"
    (folder / "l8").mkdir()
    for path in scene.glob("l8_*.tif"):
        pan = path.stem.endswith("B8")
        _cut(path, folder / "l8" / path.name, (400, 300, 201, 200) if pan else (200, 150, 100, 100))
    shutil.copy(scene / "l8_MTL.txt", folder / "l8")


def _benchmarks(data: Path, folder: Path) -> None:
    """MATLAB files: a triplet of the protocol, Landsat-7 at 2:1."""
    for name in ("data_gf2", "WV3_test"):
        shutil.copy(data / f"sharpening/reduced_triplets/{name}.mat", folder)
    ms = loadmat(data / "sharpening/landsat7/33_ms.mat")["cropped_im"][1:, 1:][100:180, 100:172]
    pan = loadmat(data / "sharpening/landsat7/33_pan.mat")["cropped_gray"][1:-1, 1:-1][200:360, 200:344]
    savemat(folder / "l7.mat", {"ms": ms, "pan": pan})
    _put(folder / "l7_ms.tif", np.ascontiguousarray(np.moveaxis(ms, 2, 0)))
    _put(folder / "l7_pan.tif", np.ascontiguousarray(pan[None]))


def _kranj(data: Path, folder: Path) -> None:
    """Landsat and MODIS series, scales apart by 10000."""
    kranj = data / "spatiotemporal/kranj_2020"
    for path in (kranj / "landsat").glob("*filled/*.tif"):
        _copy(path, folder / "kranj" / f"landsat_{path.parent.name}" / f"{path.name[:7]}_l8.tif")
    for day in (68, 70, 72, 77, 85, 93):
        _copy(kranj / f"modis/filled/20200{day}_18-04_kranj.tif", folder / f"kranj/modis/20200{day}_modis.tif")
    with rasterio.open(kranj / "landsat/filled/2020077_190-28.tif_filled_kranj.tif") as file:
        place, cloud = {"transform": file.transform, "crs": file.crs}, np.zeros((1, *file.shape), "uint8")
    cloud[:, 10:20, 5:25] = 4
    cloud[:, 30:33, 30:40] = 2
    for day in ("2020068", "2020077"):
        _put(folder / f"kranj/masks/{day}_mask.tif", cloud, **place)
        cloud = np.ascontiguousarray(cloud[:, ::-1])
    for day in ("2020068", "2020070", "2020093"):
        _put(folder / f"kranj/coarse_masks/{day}_mask.tif", (cloud > 3).astype("uint8"), **place)


def _copy(source: Path, target: Path) -> None:
    """A file as it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _ndvi(data: Path, folder: Path) -> None:
    """Landsat and real MODIS at 8:1, masks with classes."""
    ndvi, place = data / "spatiotemporal/ndvi_2015", {"crs": "EPSG:32650"}
    fine_at, coarse_at = Affine(30, 0, 400000, 0, -30, 3500000), Affine(240, 0, 400000, 0, -240, 3500000)
    fine, coarse = (120, 160, 136, 128), (15, 20, 17, 16)
    for number, stem in NDVI_DAYS.items():
        day = f"{date(2015, 1, 1) + timedelta(number - 1):%Y%m%d}"
        same = {**place, "nodata": -9999, "descriptions": ["ndvi"]}
        source = ndvi / f"cloudy/{stem}LGN00_ndvi"
        _cut(source, folder / f"ndvi/fine/{day}.tif", fine, transform=fine_at, **same)
        if number in MASKED:
            mask = source.with_name(source.name.replace("_ndvi", "_mask"))
            _cut(mask, folder / f"ndvi/masks/{day}.tif", fine, transform=fine_at, **place, descriptions=["mask"])
        band = [(number - 1) // 16 + 1]
        _cut(ndvi / "MOD_16Day_ndvi", folder / f"ndvi/coarse/{day}.tif", coarse, band, transform=coarse_at, **same)
    _cut(ndvi / "MOD_16Day_ndvi", folder / "ndvi/coarse/20150612.tif", coarse, [11], transform=coarse_at, **same)


def _other_dates(data: Path, folder: Path) -> None:
    """Temperatures in degrees, numbers against reflectance without a place, and a displaced coarse image."""
    for path in (data / "spatiotemporal/lst_yanco").glob("*_LST_*.tif"):
        name = f"{'fine' if path.name.startswith('Landsat') else 'coarse'}_{path.stem[-8:]}.tif"
        _cut(path, folder / "lst" / name, (100, 100, 90, 80))
    for path in (data / "spatiotemporal/landsat8_modis_2016").glob("*.tif"):
        _cut(path, folder / "units" / f"{path.name[:10]}.tif", (200, 120, 128, 112))
    bands = [data / f"spatiotemporal/sentinel2_pairs/bordeaux/date{{}}_{band}.tif" for band in ("B03", "B04", "B08")]
    for at, day in enumerate(CITY_DAYS, start=1):
        fine = np.concatenate([_read(Path(str(path).format(at))) for path in bands])[:, 100:292, 100:292]
        blocks = fine.reshape(3, 24, 8, 24, 8).mean(axis=(2, 4)).round().astype("uint16")
        fine = np.ascontiguousarray(fine[:, 32:160, 32:160])
        place: dict[str, Any] = {"crs": "EPSG:32630", "nodata": 0}
        place["descriptions"] = ["green", "red", "nir"]
        _put(folder / f"city/fine_{day}.tif", fine, Affine(10, 0, 700320, 0, -10, 4999680), **place)
        for name, east in (("coarse", 0), ("moved", 60)):
            _put(folder / f"city/{name}_{day}.tif", blocks, Affine(80, 0, 700000 + east, 0, -80, 5000000), **place)


def _cubes(data: Path, folder: Path) -> None:
    """ENVI, GeoTIFF and MATLAB cubes, with bad bands and gaps in the spectrum."""
    paris = data / "hyperspectral/hyperion_ali_paris"
    _cut(paris / "hs_pan_hyperion.tif", folder / "cube.tif", (10, 8, 24, 22), range(1, 41))
    _cut(paris / "hs_pan_hyperion.tif", folder / "few.tif", (10, 8, 16, 14), range(10, 18))
    _cut(paris / "hs_pan_hyperion.tif", folder / "hs.tif", (6, 6, 36, 32), range(5, 37))
    _cut(paris / "hs_pan_ali_pan.tif", folder / "hs_pan.tif", (18, 18, 108, 96))
    truth, few = _read(folder / "cube.tif"), _read(folder / "few.tif")
    half = truth.reshape(40, 12, 2, 11, 2).mean(axis=(2, 4)).round().astype("uint16")
    _put(folder / "half.tif", half, Affine(60, 0, 400000, 0, -60, 5000000), crs="EPSG:32631")
    _put(folder / "truth.tif", truth, Affine(30, 0, 400000, 0, -30, 5000000), crs="EPSG:32631")
    with rasterio.open(folder / "cube.tif") as file:
        centres = [file.tags(band)["wavelength"] for band in file.indexes]
    gaps = few.astype("int16")
    gaps[2] = 0
    gaps[:, 5:8, 3:6] = -9999
    _put(folder / "envi", gaps, Affine(30, 0, 400000, 0, -30, 5000000), crs="EPSG:32631", driver="ENVI", nodata=-9999)
    header = folder / "envi.hdr"
    header.write_text(
        header.read_text() + f"wavelength units = Nanometers\nwavelength = {{{', '.join(centres[9:17])}}}\n"
    )
    savemat(folder / "cube.mat", {"cube": np.moveaxis(few, 0, 2), "wavelengths": [float(c) for c in centres[9:17]]})
    aviris = loadmat(data / "hyperspectral/aviris_santa_barbara/a_hsi_img_for_VI_demo.mat")
    kept = {"hsi_img": aviris["hsi_img"][20:32, 30:42], "wavelengths": aviris["wavelengths"]}
    savemat(folder / "aviris.mat", kept)
    _put(folder / "scaled_cube.tif", few.astype("int16"), scales=[1e-4] * 8, offsets=[0.0] * 8)


def _alignment(data: Path, folder: Path) -> None:
    """Sentinel-2 and Landsat-8 of one place, 8 bit, and made-up 16 bit reflectance of two sensors."""
    place = data / "alignment/landsat8_sentinel2"
    _cut(place / "sentinel2_b432_byte.tif", folder / "s2.tif", (300, 240, 240, 210))
    _cut(place / "sentinel2_b432_byte.tif", folder / "s2_later.tif", (560, 240, 200, 210))
    _cut(place / "landsat8_byte.tif", folder / "l8.tif", (98, 78, 86, 76), [4, 3, 2])
    stem = data / "sar/sen12mscr_real/series_2018"
    _cut(stem / "2018-03-07.tif", folder / "msi.tif", (0, 0, 160, 150), [2, 3, 4, 8, 9, 12, 13])
    _cut(stem / "2018-03-07.tif", folder / "four.tif", (0, 0, 160, 150), [2, 3, 4, 8])
    four = _read(folder / "four.tif").astype(float)
    mix = np.array([[0.9, 0.08, 0, 0], [0.05, 0.9, 0.03, 0], [0, 0.1, 0.88, 0.01], [0, 0, 0.04, 0.95]])
    target = (np.einsum("ij,jyx->iyx", mix, four) + 40).round()
    cloud = np.zeros((1, 160, 150), "uint8")
    cloud[:, 30:60, 20:50] = 1
    target[:, 30:60, 20:50] += 3000
    for name, numbers, scale in (("four", four, [1e-4] * 4), ("wfv", target, [1e-4] * 4)):
        names = {"descriptions": ["blue", "green", "red", "nir"]}
        more = {"transform": Affine(10, 0, 400000, 0, -10, 5000000), "crs": "EPSG:32633", "nodata": 0, **names}
        _put(folder / f"{name}.tif", numbers.astype("uint16"), scales=scale, offsets=[0.0] * 4, **more)
        _put(folder / f"{name}_byte.tif", (numbers / 20).clip(1, 255).astype("uint8"), **more)
        _put(folder / f"{name}_float.tif", (numbers * 1e-4).astype("float32"), **{**more, "nodata": np.nan})
        _put(folder / f"sets/{name}/a.tif", numbers[:, :90].astype("uint16"), scales=scale, offsets=[0.0] * 4, **more)
        _put(folder / f"sets/{name}/b.tif", numbers[:, 90:].astype("uint16"), scales=scale, offsets=[0.0] * 4, **more)
    _put(folder / "wfv_cloud.tif", cloud, Affine(10, 0, 400000, 0, -10, 5000000), crs="EPSG:32633")


def _clouds(data: Path, folder: Path) -> None:
    """Real triplets without a place, a series with masks, radar in another CRS, reflectance with scales."""
    real, window = data / "sar/sen12mscr_real", (64, 32, 128, 136)
    for kind in ("cloudy.tif", "s1.tif", "mask.tif", "clear.jp2"):
        _cut(real / f"triplets/4438_{kind}", folder / f"4438_{kind[:-4]}.tif", window, driver="GTiff")
    _cut(real / "triplets/4438_cloudy.tif", folder / "bgrn.tif", window, [2, 3, 4, 8])
    _cut(folder / "bgrn.tif", folder / "bgrn_scaled.tif", (0, 0, 128, 136), scales=[1e-4] * 4, offsets=[-0.1] * 4)
    for day in ("2018-03-07", "2018-03-22", "2018-04-26", "2018-06-10"):
        _cut(real / f"series_2018/{day}.tif", folder / f"dates/{day}.tif", window, [2, 3, 4, 8, 12])
        _cut(real / f"series_2018/{day}_s2cloudless.tif", folder / f"dates/{day}_mask.tif", window)
    winter = data / "sar/sen12mscr_glfcr"
    for name, kind in (("winter", "s2_cloudy"), ("winter_s1", "s1"), ("winter_clear", "s2_cloudfree")):
        file = winter / kind / "ROIs2017_winter_112_p797.tif"
        _cut(file, folder / f"{name}.tif", (0, 0, 150, 150) if name == "winter_s1" else (10, 20, 110, 100))
    numbers = _read(folder / "winter_s1.tif")
    with rasterio.open(folder / "winter_s1.tif") as file:
        coarser = file.transform * Affine.translation(0.3, 0.4) * Affine.scale(1.5)
        _put(folder / "winter_s1_grid.tif", numbers[:, :95, :95].copy(), coarser, crs=file.crs)
    seen = _read(folder / "winter.tif")
    cloud = (seen[1:2] > 2200).astype("uint8") * 9
    cloud[:, 40:60, 30:50] = 8
    _cut(folder / "winter.tif", folder / "winter_mask.tif", (0, 0, 110, 100), [1], data=cloud)


def _large(data: Path, folder: Path) -> None:
    """More than a block: chips and NDVI as they are, clouds and reflectance laid side by side."""
    for name, chip in (("big", 1), ("bigfill", 2)):
        for role in ("pan", "ms"):
            _copy(data / f"sharpening/worldview2_rotterdam/chip{chip}_{role}.tif", folder / f"{name}_{role}.tif")
    triplet, place = data / "sar/sen12mscr_real/triplets", Affine(10, 0, 400000, 0, -10, 5000000)
    where: dict[str, Any] = {"transform": place, "crs": "EPSG:32633"}
    for name, kind, bands in (
        ("large_bgrn", "cloudy", [1, 2, 3, 7]),
        ("large_s1", "s1", [0, 1]),
        ("large_mask", "mask", [0]),
    ):
        tiled = np.tile(_read(triplet / f"4438_{kind}.tif")[bands], (1, 3, 3))[:, :600, :560]
        scales = {"scales": [0.01, 0.01], "offsets": [0.0, 0.0]} if kind == "s1" else {}
        _put(folder / f"{name}.tif", tiled, **where, **scales)
    for name in ("four", "wfv"):
        tiled = np.tile(_read(folder / f"{name}.tif"), (1, 4, 4))
        more = {"scales": [1e-4] * 4, "offsets": [0.0] * 4, "descriptions": ["blue", "green", "red", "nir"]}
        _put(folder / f"large_{name}.tif", tiled, **where, **more, nodata=0)
    ndvi, fine_at = data / "spatiotemporal/ndvi_2015", Affine(30, 0, 400000, 0, -30, 3500000)
    for number, day in ((104, "20150414"), (216, "20150804"), (248, "20150905")):
        more = {"crs": "EPSG:32650", "nodata": -9999, "descriptions": ["ndvi"]}
        source, band = ndvi / f"cloudy/{NDVI_DAYS[number]}LGN00_ndvi", [(number - 1) // 16 + 1]
        _cut(source, folder / f"large_{day}.tif", (0, 0, 552, 576), transform=fine_at, **more)
        coarse_at = Affine(240, 0, 400000, 0, -240, 3500000)
        _cut(
            ndvi / "MOD_16Day_ndvi",
            folder / f"large_modis_{day}.tif",
            (0, 0, 69, 72),
            band,
            transform=coarse_at,
            **more,
        )
    mask = ndvi / f"cloudy/{NDVI_DAYS[248]}LGN00_mask"
    _cut(
        mask, folder / "large_clouds.tif", (0, 0, 552, 576), transform=fine_at, crs="EPSG:32650", descriptions=["mask"]
    )


def _others(data: Path, folder: Path) -> None:
    """Weights of authors, a data set of pairs, lists of scenes."""
    golden = data.parent / "golden/coarsr_CAVE_model_2_x2_f16.pth"
    if golden.is_file():
        shutil.copy(golden, folder / "coarsr.pth")
    for number, (name, high, low) in enumerate((("wv", 256, 64), ("fill", 320, 80)), start=1):
        for role, size in (("pan", high), ("ms", low)):
            _cut(
                folder / f"{name}_{role}.tif", folder / f"sets/pairs/{role}/{number}.tif", (0, 0, size // 2, size // 2)
            )
    days = [
        f"2020-0{1 + at % 6}-{1 + at:02},{'landsat8' if at % 3 else 'sentinel2a'},{at * 7 % 100}" for at in range(28)
    ]
    (folder / "sights.csv").write_text("\n".join(["date,sensor,cloud", *days]) + "\n")
    masks = [f"{path.stem},landsat8,masks/{path.name}" for path in sorted((folder / "ndvi/masks").glob("*.tif"))]
    (folder / "ndvi/sights.csv").write_text("\n".join(["date,sensor,mask", *masks]) + "\n")
