"""Files as they come: a file per band, ENVI, VRT, MATLAB, other projections, holes, floats, bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, calculate_default_transform, reproject

from earthloom.errors import EarthloomWarning
from earthloom.metrics import ergas
from tests.e2e.conftest import UTM, Cli, Pair, fine_truth, get, grid, observed, put

Make = Callable[..., Pair]


def sharpened(cli: Cli, files: Pair, *more: object) -> np.ndarray:
    """What the command line makes of the files."""
    done = cli(*files.arguments("--overwrite", *more))
    assert done.code == 0, done.err
    return get(files.out)[0]


def test_a_file_per_band(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    expected = sharpened(cli, files)
    bands = get(files.ms)[0]
    singles = [put(tmp_path / f"{name}.tif", band[None], grid(4)) for name, band in zip("rgb", bands, strict=True)]
    done = cli("pansharpen", "--pan", files.pan, "--ms", *singles, "-o", files.out, "--overwrite")
    assert done.code == 0, done.err
    data, file = get(files.out)
    np.testing.assert_array_equal(data, expected)
    assert file.descriptions == ("r", "g", "b")
    done = cli(
        "pansharpen", "--pan", files.pan, *(x for s in singles for x in ("--ms", s)), "-o", files.out, "--overwrite"
    )
    assert done.code == 0, done.err
    np.testing.assert_array_equal(get(files.out)[0], expected)


def test_bands_on_different_grids(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    bands = get(files.ms)[0]
    first, second = put(tmp_path / "a.tif", bands[:1], grid(4)), put(tmp_path / "b.tif", bands[1:2, ::2, ::2], grid(8))
    done = cli("pansharpen", "--pan", files.pan, "--ms", first, second, "-o", files.out)
    assert done.code == 2 and "a.tif" in done.err and "b.tif" in done.err
    assert files.untouched()


def test_one_band(cli: Cli, pair: Make) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth(bands=1)))
    assert sharpened(cli, pair(pan, ms)).shape == (1, 96, 128)


def test_envi(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    expected = sharpened(cli, files)
    envi = put(tmp_path / "ms.dat", get(files.ms)[0], grid(4), driver="ENVI", interleave="bil")
    header = envi.with_suffix(".hdr")
    header.write_text(header.read_text() + "wavelength units = Nanometers\nwavelength = {450, 550.5, 650}\n")
    np.testing.assert_array_equal(sharpened(cli, files._replace(ms=envi)), expected)
    assert [band["wavelength"] for band in get(files.out)[1].band_tags] == ["450", "550.5", "650"]


def test_vrt(cli: Cli, pair: Make, tmp_path: Path) -> None:
    files = pair()
    expected = sharpened(cli, files)
    sources = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{band}"><SimpleSource><SourceFilename relativeToVRT="1">ms.tif'
        f"</SourceFilename><SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in (1, 2, 3)
    )
    vrt = tmp_path / "ms.vrt"
    vrt.write_text(
        f'<VRTDataset rasterXSize="32" rasterYSize="24"><SRS>{UTM}</SRS>'
        f"<GeoTransform>400000, 4, 0, 5000000, 0, -4</GeoTransform>{sources}</VRTDataset>"
    )
    np.testing.assert_array_equal(sharpened(cli, files._replace(ms=vrt)), expected)


def test_matlab_triplet(cli: Cli, tmp_path: Path) -> None:
    from scipy.io import savemat

    import earthloom

    pan, ms = observed(fine_truth())
    mat, out = tmp_path / "scene.mat", tmp_path / "sharp.tif"
    savemat(mat, {"pan_image": pan[0], "low": np.moveaxis(ms, 0, 2), "gt": np.moveaxis(fine_truth(), 0, 2)})
    call = ("pansharpen", "--pan", f"{mat}:pan_image", "--ms", f"{mat}:low", "--convention", "toolbox", "-o", out)
    assert cli(*call).code == 0
    data, file = get(out)
    assert file.crs is None and data.dtype == np.float64
    with pytest.warns(EarthloomWarning, match="convention='centre'"):  # these samples lie otherwise
        expected = earthloom.pansharpen(pan.astype("float32"), ms.astype("float32"), convention="toolbox")
    np.testing.assert_allclose(data, expected, rtol=1e-5)
    done = cli("pansharpen", "--pan", f"{mat}:pen", "--ms", f"{mat}:low", "-o", out, "--overwrite")
    assert done.code == 2 and "pen" in done.err and "pan_image" in done.err
    done = cli("evaluate", out, "--reference", f"{mat}:gt", "--ratio", 4)
    assert done.code == 0 and "ergas" in done.out


def test_shared_triplet(cli: Cli, shared: Path, tmp_path: Path) -> None:
    mat, out = shared / "data" / "sharpening" / "reduced_triplets" / "WV3_test.mat", tmp_path / "sharp.tif"
    call = ("--pan", f"{mat}:pan", "--ms", f"{mat}:lrms", "--convention", "toolbox", "--sensor", "worldview3")
    figures = {}
    for method in ("exp", "gsa"):
        assert cli("pansharpen", *call, "-m", method, "-o", out, "--overwrite", "-q").code == 0
        from earthloom.raster.open import open_image

        with open_image(f"{mat}:gt") as image:
            truth = image.read()[0]
        figures[method] = ergas(get(out)[0].astype(float), truth.astype(float), ratio=4)
    assert figures["gsa"] < 0.7 * figures["exp"]


@pytest.mark.filterwarnings("ignore:Use `@`:PendingDeprecationWarning")  # rasterio with affine 3
def test_another_crs(cli: Cli, pair: Make, tmp_path: Path) -> None:
    """The MS in the neighbouring UTM zone: resampled, said with -v, and close to the product of the original."""
    truth = fine_truth((384, 512))
    pan, ms = (image.round().astype("uint16") for image in observed(truth))
    files = pair(pan, ms)
    straight = sharpened(cli, files, "-m", "exp").astype(float)
    bounds = (400000, 5000000 - 384, 400512, 5000000)
    where, width, height = calculate_default_transform(UTM, "EPSG:32634", 128, 96, *bounds, resolution=4)
    turned = np.zeros((3, height, width), "uint16")
    reproject(
        ms, turned, src_transform=grid(4), src_crs=UTM, dst_transform=where, dst_crs="EPSG:32634",
        resampling=Resampling.cubic, dst_nodata=0,
    )  # fmt: skip
    other = put(tmp_path / "other.tif", turned, where, "EPSG:32634", nodata=0)
    done = cli(*files._replace(ms=other).arguments("--overwrite", "-v", "-m", "exp"))
    assert done.code == 0 and "EPSG:32634 to EPSG:32633" in done.err
    data, file = get(files.out)
    assert file.crs == UTM and file.nodata == 0
    y, x = round(5000000 - file.transform.f), round(file.transform.c - 400000)
    core = data[:, 40 - y : 340 - y, 40 - x : 470 - x]
    assert (core > 0).all()
    error = core - straight[:, 40:340, 40:470]
    assert np.sqrt((error**2).mean()) < 0.3 * straight.std()  # resampled twice: by us and to make the case


def test_partial_overlap(cli: Cli, pair: Make, tmp_path: Path) -> None:
    """An MS that begins 10 m further south-east: only the overlap is sharpened, on the grid of the PAN."""
    files = pair()
    part = put(tmp_path / "part.tif", get(files.ms)[0], grid(4, east=10.5, south=10.5))
    data = sharpened(cli, files._replace(ms=part))
    file = get(files.out)[1]
    assert data.shape == (3, 96 - 11, 128 - 11)
    assert (file.transform.c, file.transform.f) == (400011, 4999989)


def test_south_up(cli: Cli, pair: Make, tmp_path: Path) -> None:
    from affine import Affine

    files = pair()
    expected = sharpened(cli, files)
    up = put(tmp_path / "up.tif", get(files.ms)[0][:, ::-1], Affine(4, 0, 400000, 0, 4, 5000000 - 96))
    np.testing.assert_array_equal(sharpened(cli, files._replace(ms=up)), expected)


@pytest.mark.parametrize("where", ["pan", "ms", "both"])
def test_nodata(where: str, cli: Cli, pair: Make) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth()))
    hole = np.zeros((96, 128), bool)
    if where in ("pan", "both"):
        pan[0, 10:21, 30:37] = 0
        hole[10:21, 30:37] = True
    if where in ("ms", "both"):
        ms[1, 15:18, 20:22] = 9
        hole[60:72, 80:88] = True
    of_pan = {"nodata": 0} if where != "ms" else {}
    of_ms = {"nodata": 9} if where != "pan" else {}
    files = pair(pan, ms, of_pan, of_ms)
    data = sharpened(cli, files)
    code = get(files.out)[1].nodata
    assert code == (0 if where == "pan" else 9)
    np.testing.assert_array_equal(data == code, np.broadcast_to(hole, data.shape))
    beside = data[:, ~hole]
    assert beside.min() > 100 and beside.max() < 2000  # the holes bleed nothing into what is around


def test_nodata_from_the_command_line(cli: Cli, pair: Make) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth()))
    ms[:, 3, 4] = 0
    files = pair(pan, ms)
    data = sharpened(cli, files, "--nodata", 0)
    assert get(files.out)[1].nodata == 0
    assert (data == 0).sum() == 3 * 16 and (data[:, 12:16, 16:20] == 0).all()


@pytest.mark.parametrize("profile", [{}, {"photometric": "MINISBLACK"}], ids=["as GDAL does", "plain"])
def test_four_bands_of_bytes(profile: dict, cli: Cli, pair: Make) -> None:
    """GDAL marks the fourth of four byte bands as alpha: near infrared must not be taken for a mask."""
    pan, ms = ((image / 8).round().clip(2, 250).astype("uint8") for image in observed(fine_truth(bands=4)))
    files = pair(pan, ms, of_ms=profile)
    done = cli(*files.arguments())
    assert done.code == 0 and ("band 4 is marked as alpha" in done.err) == (not profile)
    data, file = get(files.out)
    assert data.shape == (4, 96, 128) and data.dtype == np.uint8 and file.nodata is None


def test_a_true_alpha_band_is_a_mask(cli: Cli, pair: Make) -> None:
    pan, ms = ((image / 8).round().clip(2, 250).astype("uint8") for image in observed(fine_truth()))
    alpha = np.full((1, 24, 32), 255, "uint8")
    alpha[0, 5, 6] = 0
    files = pair(pan, np.concatenate([ms, alpha]))
    data = sharpened(cli, files)
    assert data.shape == (3, 96, 128) and (data == 0).sum() == 3 * 16


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_dtype_asked_for(dtype: str, cli: Cli, pair: Make) -> None:
    files = pair()
    real = sharpened(cli, files, "--dtype", "float64")
    data = sharpened(cli, files, "--dtype", dtype)
    assert data.dtype == dtype
    limit = (0, 255) if dtype == "uint8" else (-np.inf, np.inf)
    np.testing.assert_allclose(data, np.clip(real, *limit), atol=0.51)


def test_scaled_numbers_stay_scaled(cli: Cli, pair: Make) -> None:
    files = pair()
    plain = sharpened(cli, files, "-m", "exp")
    with rasterio.open(files.ms, "r+") as file:
        file.scales, file.offsets = (1e-4, 1e-4, 2e-4), (-0.1, -0.1, 0.0)
    data = sharpened(cli, files, "-m", "exp")
    assert np.abs(data.astype(int) - plain).max() <= 1
    assert get(files.out)[1].scales == (1e-4, 1e-4, 2e-4) and get(files.out)[1].offsets == (-0.1, -0.1, 0.0)
    real = sharpened(cli, files, "-m", "exp", "--dtype", "float32")
    assert get(files.out)[1].scales == (1, 1, 1)
    np.testing.assert_allclose(real[2], plain[2] * 2e-4, atol=1.1e-4)


def test_no_georeferencing_at_all(cli: Cli, pair: Make) -> None:
    nowhere = {"crs": None, "transform": None}
    files = pair(of_pan=nowhere, of_ms=nowhere)
    data = sharpened(cli, files)
    assert get(files.out)[1].crs is None
    np.testing.assert_array_equal(data, sharpened(cli, pair()))


def test_ignore_georeferencing(cli: Cli, pair: Make) -> None:
    files = pair(of_ms={"transform": grid(4, east=5000)})
    assert sharpened(cli, files, "--ignore-georeferencing").shape == (3, 96, 128)


def test_register(cli: Cli, pair: Make) -> None:
    """An MS whose georeferencing is 6 m wrong: measured, warned about, and mended with a flag."""
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((512, 512), 4)))
    files = pair(pan, ms, of_ms={"transform": grid(4, east=3, south=-2)})
    done = cli(*files.arguments())
    assert done.code == 0 and "warning: " in done.err and "correct it with --register" in done.err
    done = cli(*files.arguments("--register", "--overwrite", "-v"))
    assert done.code == 0 and "warning" not in done.err and "MS lies +" in done.err
    assert "MS moved +" in done.err.splitlines()[-1] and "(PAN pixels)" in done.err.splitlines()[-1]
    found = json.loads(get(files.out)[1].tags["EARTHLOOM_REGISTRATION"])
    np.testing.assert_allclose([found["y_px"], found["x_px"]], [2, -3], atol=0.1)
    assert found["corrected"] and found["blocks"] == found["tried"]
    judged = cli("evaluate", files.out, "--pan", files.pan, "--ms", files.ms)
    moved = f"MS moved by {found['y_px']:+.2f} rows, {found['x_px']:+.2f} columns"  # the geometry it was made with
    assert judged.code == 0 and moved in judged.out


def test_weights_as_words_and_as_numbers(cli: Cli, pair: Make) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth((128, 128), 3)))
    files = pair(pan, ms)
    arguments = files.arguments("-m", "brovey", "--overwrite", "--weights")
    assert cli(*arguments, "0.2", "0.3", "0.5").code == 0
    assert json.loads(get(files.out)[1].tags["EARTHLOOM_PARAMETERS"])["weights"] == [0.2, 0.3, 0.5]
    assert cli(*arguments, "mean").code == 0
    wrong = cli(*arguments, "0.5", "0.5")
    assert wrong.code == 2 and "2 weights; expected 3" in wrong.err
    wrong = cli(*arguments, "median")
    assert wrong.code == 2 and "'regression' or 'mean' or 'response' or numbers" in wrong.err
