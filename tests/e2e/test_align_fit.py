"""What alignments are fitted to beside pairs of images, and what a fitted one refuses: files, arrays, checkpoints."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from scipy.ndimage import binary_erosion

import earthloom
from earthloom.errors import InputError
from earthloom.prepare.bandpass.optics import Optics, ground_of
from earthloom.samples.spectra import spectral_library
from earthloom.training.bandpass import fit as fitting
from tests.e2e.conftest import Cli, get, grid, put
from tests.e2e.test_align import NAMES, SENSORS, source, wanted
from tests.e2e.test_bad_input import refused

BOTH: dict[str, Any] = {"source_sensor": "sentinel2a", "target_sensor": "gaofen1_wfv"}


def published(folder: Path) -> Path:
    """The layout of the published data set: two regions, a patch each, clouds that its masks leave out."""
    clouded = np.zeros((1, 120, 150), "uint8")
    clouded[:, 30:70, 50:110] = 1
    for k, region in enumerate(("brazil", "france")):
        image = np.roll(source(), 31 * k, axis=2)
        bright = np.where(clouded == 1, 9000, wanted(image)).astype("uint16")
        inside, name = folder / "data" / region, f"21KUV_2019092{k}-{k}.tif"
        for kind, data in (("S2", image), ("GF1", bright), ("mask", 1 - clouded)):
            (inside / kind).mkdir(parents=True)
            put(inside / kind / name, data, grid(10), nodata=None if kind == "mask" else 0)
    (folder / "divide").mkdir()
    (folder / "divide" / "train.txt").write_text("21KUV_20190920-0.tif\nfrance/S2/21KUV_20190921-1\n")
    (folder / "divide" / "val.txt").write_text("21KUV_20190920-0\n21KUV_20190929-9\n")
    return folder


def test_the_published_data_set(tmp_path: Path, cli: Cli) -> None:
    """A folder alone: its lists choose, its masks leave out."""
    folder, file = published(tmp_path / "set"), tmp_path / "t.json"
    done = cli("align", "fit", folder, *SENSORS, "-m", "ols", "-o", file)
    assert done.code == 0, done.err
    transform = earthloom.Transform.load(file)
    assert transform.fitted["pairs"] == 2 and transform.mapping is not None
    np.testing.assert_allclose(np.diag(transform.mapping.mix.matrix), [0.9, 0.95, 1.1, 1.2], atol=1e-3)
    same = earthloom.fit_alignment(folder, method="ols", **BOTH)
    assert same.as_dict()["mapping"] == transform.as_dict()["mapping"]
    refused(cli("align", "fit", folder, *SENSORS, "--part", "val", "-o", tmp_path / "v.json"), "21KUV_20190929-9", "S2")
    refused(cli("align", "fit", folder, *SENSORS, "--part", "test", "-o", tmp_path / "v.json"), "test.txt")
    flags = ("--source-masks", tmp_path / "m.tif", "-o", tmp_path / "v.json")
    refused(cli("align", "fit", folder, *SENSORS, *flags), "masks without targets")


def cube(path: Path) -> tuple[Path, np.ndarray]:
    """A made-up cube of spectra, stored as reflectance times 10000, one band of it empty."""
    spectra = spectral_library("santa_barbara")
    ground = ground_of(spectra, np.random.default_rng(5), (90, 84))
    stored = np.moveaxis(ground * 10000, 0, 2).round().astype("int16")
    stored[..., 0] = 0
    savemat(path, {"cube": stored, "wavelengths": spectra.wavelength_nm})
    return path, ground


def test_a_hyperspectral_cube(tmp_path: Path, cli: Cli) -> None:
    """Both sensors look at its spectra; what comes of it holds for an image of reflectance, and for no other."""
    path, ground = cube(tmp_path / "cube.mat")
    file, out = tmp_path / "t.json", tmp_path / "o.tif"
    fit = ("align", "fit", path, *SENSORS, "-m", "cross_linear", "-o", file)
    refused(cli(*fit), "cube.mat", "reflectance", "--source-scale 0.0001")
    done = cli(*fit, "--source-scale", 0.0001, "--figure", tmp_path / "f.png")
    assert done.code == 0, done.err
    transform = earthloom.Transform.load(file)
    assert [band.name for band in transform.source.bands] == [band.name for band in transform.target.bands] == [*NAMES]
    assert transform.quality["relative_rmse_percent"] < 0.3 * transform.quality["nothing_relative_rmse_percent"]
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")

    sides = ("sentinel2a", NAMES), ("gaofen1_wfv", NAMES)
    pair = Optics.of(spectral_library("santa_barbara").wavelength_nm, *sides).pair(ground)
    seen, truth = (pair[role].data for role in ("source", "target"))
    put(tmp_path / "s.tif", (seen * 10000).round().astype("uint16"), grid(10), nodata=0, descriptions=NAMES)
    refused(cli("align", "apply", file, tmp_path / "s.tif", "-o", out), "same unit", "--source-scale 0.0001")
    assert cli("align", "apply", file, tmp_path / "s.tif", "-o", out, "--source-scale", 0.0001).code == 0
    data, about = get(out)
    assert data.dtype == np.uint16 and about.scales == (0.0001,) * 4  # stored as the source is
    left = np.abs(data * 1e-4 - truth).mean()
    assert left < 0.3 * np.abs(seen - truth).mean()

    swir = earthloom.fit_alignment(
        path, method="ols", source_sensor="sentinel2a", target_sensor="landsat8", source_scale=1e-4
    )
    assert {band.name for band in swir.target.bands} >= {"blue", "nir", "swir1", "swir2"}
    assert all(band.name != "pan" for band in swir.target.bands)


def test_what_is_no_cube(tmp_path: Path, cli: Cli) -> None:
    put(tmp_path / "s.tif", source(), grid(10), nodata=0, descriptions=NAMES)
    refused(cli("align", "fit", tmp_path / "s.tif", *SENSORS, "-o", tmp_path / "t.json"), "wavelengths", "other sensor")
    (tmp_path / "empty").mkdir()
    refused(cli("align", "fit", tmp_path / "empty", *SENSORS, "-o", tmp_path / "t.json"), "no targets", "divide/")
    savemat(tmp_path / "red.mat", {"cube": np.full((9, 9, 3), 0.2), "wavelengths": [1200.0, 1210.0, 1220.0]})
    refused(cli("align", "fit", tmp_path / "red.mat", *SENSORS, "-o", tmp_path / "t.json"), "share no band")
    assert not (tmp_path / "t.json").exists()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return (
        put(tmp_path / "s.tif", source(), grid(10), nodata=0, descriptions=NAMES),
        put(tmp_path / "t.tif", wanted(), grid(10), nodata=0, descriptions=NAMES),
    )


def test_a_transform_on_other_units(pair: tuple[Path, Path], tmp_path: Path, cli: Cli) -> None:
    """A scale that is lost, or told for an image that was fitted without, is no silent wrong product."""
    transform = earthloom.fit_alignment(*pair, method="ols", **BOTH)
    file, out = transform.save(tmp_path / "t.json"), tmp_path / "o.tif"
    flags = (pair[0], "-o", out, "--source-scale", 0.0001)
    refused(cli("align", "apply", file, *flags), "s.tif", "same unit", "--source-scale 1")
    assert not out.exists()
    with pytest.raises(InputError, match="same unit"):
        transform.apply(source() * 1e-4)
    dark = np.where(source() == 0, 0, source() // 5 + 1)  # another scene, not another unit
    assert transform.apply(dark).shape == dark.shape


def test_a_transform_on_arrays(pair: tuple[Path, Path], tmp_path: Path) -> None:
    transform = earthloom.fit_alignment(*pair, method="monotone_lut", **BOTH)
    file = transform.save(tmp_path / "t.json")
    assert all(value is None or value > 0 for row in json.loads(file.read_text())["mapping"]["sigma"] for value in row)
    want = transform.apply(source())
    np.testing.assert_array_equal(earthloom.align(source(), method=str(file)), want)
    np.testing.assert_array_equal(earthloom.align(source(), method=transform), want)
    earthloom.align(pair[0], method=transform, output=tmp_path / "o.tif")
    np.testing.assert_array_equal(get(tmp_path / "o.tif")[0], want)
    xarray = pytest.importorskip("xarray")
    found = earthloom.align(xarray.DataArray(source(), dims=("band", "y", "x")), method=transform)
    np.testing.assert_array_equal(found, want)
    with pytest.raises(InputError, match="aligned before"):
        earthloom.align(found, method=transform)
    with pytest.raises(InputError, match="fitted before"):
        earthloom.align(source(), method=transform, target=wanted())


def test_figures_of_a_fit(pair: tuple[Path, Path]) -> None:
    """On ground held out: RMSE, R2, bias, the distance of the histograms by band, and NDVI."""
    quality = earthloom.fit_alignment(*pair, method="ols", **BOTH).quality
    for name in ("rmse", "r2", "bias", "histogram_distance"):
        assert set(quality[name]) == set(NAMES)
    assert max(quality["rmse"].values()) < 0.5 and min(quality["r2"].values()) > 0.999
    assert max(quality["histogram_distance"].values()) < 8 and quality["ndvi_rmse"] < 1e-3


def test_networks_are_fitted_saved_and_applied(
    pair: tuple[Path, Path], tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line, on stored numbers; the weights lie beside the transform, known by their checksum."""
    pytest.importorskip("torch")
    monkeypatch.setattr(fitting, "Fitting", partial(fitting.Fitting, steps=4))
    out, figure, file = tmp_path / "o.tif", tmp_path / "f.png", tmp_path / "t.json"
    done = cli("align", pair[0], *SENSORS, "--target", pair[1], "-m", "unet_lut", "-o", out, "--figure", figure)
    assert done.code == 0, done.err
    assert figure.read_bytes().startswith(b"\x89PNG")
    data = get(out)[0].astype(float)
    np.testing.assert_array_equal((data == 0).all(axis=0), (source() == 0).all(axis=0))
    assert np.abs(data - wanted()).max() < 40  # begins as the line
    done = cli("align", "fit", *pair, *SENSORS, "-m", "unet_lut_x", "--bins", 32, "-o", file)
    assert done.code == 0, done.err
    assert cli("align", "apply", file, pair[0], "-o", tmp_path / "p.tif").code == 0
    applied = get(tmp_path / "p.tif")[0]
    assert np.abs(applied.astype(float) - wanted()).max() < 40
    np.testing.assert_array_equal(earthloom.Transform.load(file).apply(source()), applied)
    given = ("--weights", tmp_path / "t.safetensors", "-o", tmp_path / "u.json")
    refused(cli("align", "fit", *pair, *SENSORS, "-m", "unet_lut_x", *given), "not fitted", "weights that are given")
    weights = tmp_path / "t.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    refused(cli("align", "apply", file, pair[0], "-o", tmp_path / "q.tif"), "t.safetensors", "checksum")
    weights.unlink()
    refused(cli("align", "apply", file, pair[0], "-o", tmp_path / "q.tif"), "no weights", "both files together")


def test_the_authors_checkpoint(shared: Path, tmp_path: Path, cli: Cli) -> None:
    """The published network from the command line, in either unit: one table, from the pixels above 0."""
    torch = pytest.importorskip("torch")
    from earthloom.nn.unet_lut import PUBLISHED_MAX, PublishedNet, renamed

    file = shared / "golden/unetlut_epochs_1.pth"
    net = PublishedNet().eval()
    net.load_state_dict(renamed(torch.load(file, map_location="cpu", weights_only=True)["model_state"]))
    image, valid = source(), (source() > 0).all(axis=0)
    inside = binary_erosion(valid, np.ones((3, 3)), border_value=1)  # its kernel reaches one pixel into the hole
    counts = [
        np.histogram(band[valid & (band <= most)], 256, (0, most))[0]
        for band, most in zip(image, PUBLISHED_MAX, strict=True)
    ]
    shares = np.stack([row / row.sum() for row in counts]).astype("float32")
    with torch.inference_mode():
        want = net(torch.from_numpy(image.astype("float32"))[None], torch.from_numpy(shares)[None])[0][0].numpy()
    put(tmp_path / "s.tif", image, grid(10), nodata=0, descriptions=NAMES)
    out = tmp_path / "o.tif"
    call = ("align", tmp_path / "s.tif", *SENSORS, "-m", "unet_lut", "--variant", "published", "-o", out, "--overwrite")
    for unit, scale in (("--unit", 10000), ("--source-scale", 0.0001)):
        done = cli(*call, "--weights", file, unit, scale, "--dtype", "float32")
        assert done.code == 0, done.err
        data = get(out)[0]  # integers asked for as floating point come in physical units, by the one rule of all verbs
        one = 1.0 if unit == "--unit" else scale
        assert np.abs(data / one - want)[:, inside].max() < 2e-2
        assert not (np.isfinite(data) & (data != 0))[:, ~valid].any()  # nodata is not looked up
    refused(cli(*call, "--weights", file), "reflectance", "--unit 10000")
    refused(cli(*call, "--unit", 10000), "without weights", "epochs_195.pth")
    refused(cli(*call, "--unit", 10000, "--weights", tmp_path / "s.tif"), "no checkpoint")
