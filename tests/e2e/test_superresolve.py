"""`earthloom superresolve`, `weights` and cubes in `evaluate`: files, arrays, bad bands, gaps, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy.io import loadmat, savemat

import earthloom
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods import catalog
from earthloom.metrics import ergas, psnr
from earthloom.physics.resample import imresize
from earthloom.prepare.superresolution.bands import bands_at, numbers_in, plan_bands, runs
from tests.e2e.conftest import UTM, Cli, get, grid, put, texture
from tests.e2e.test_bad_input import refused

BANDS, SIDE = 12, 24
NM = np.linspace(400, 950, BANDS)


def cube(bands: int = BANDS, shape: tuple[int, int] = (SIDE, SIDE + 6), seed: int = 0) -> np.ndarray:
    """Two materials mixed, each with a smooth spectrum; positive numbers around 1000."""
    share, shade = texture(shape, seed), texture(shape, seed + 1)
    along = np.linspace(0, 1, bands)[:, None, None]
    return 1000 + 400 * along + 120 * share * (1 - along) + 150 * shade * along + 40 * np.sin(6 * along) * share


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A georeferenced GeoTIFF with wavelengths, 12 bands of uint16."""
    (tmp_path / "out").mkdir()
    path = put(tmp_path / "cube.tif", cube().round().astype("uint16"), grid(30))
    with rasterio.open(path, "r+") as file:
        for band, nm in enumerate(NM, 1):
            file.update_tags(band, wavelength=f"{nm:g}", wavelength_units="Nanometers")
    return path


def run(cli: Cli, path: object, out: Path, *more: object, method: str = "bicubic") -> Any:
    return cli("superresolve", path, "-o", out, "-m", method, *more)


def envi(path: Path, data: np.ndarray, **header: Any) -> Path:
    """An ENVI file and its header with more entries."""
    put(path, data, grid(30), driver="ENVI")
    text = path.with_suffix(".hdr").read_text()
    text += "".join(f"{key} = {value}\n" for key, value in header.items())
    path.with_suffix(".hdr").write_text(text)
    return path


@pytest.mark.parametrize("ratio", [2, 3, 4, 8])
def test_finer_grid_is_exact(cli: Cli, scene: Path, ratio: int) -> None:
    out = scene.parent / "out" / "fine.tif"
    done = run(cli, scene, out, "--ratio", ratio)
    assert done.code == 0 and "fine.tif" in done.err, done
    data, facts = get(out)
    assert data.shape == (BANDS, SIDE * ratio, (SIDE + 6) * ratio) and data.dtype == np.uint16
    step = 30 / ratio
    assert facts.transform.almost_equals(Affine(step, 0, 400000, 0, -step, 5000000), precision=1e-9)
    assert facts.crs == UTM
    assert [float(tags["wavelength"]) for tags in facts.band_tags] == pytest.approx(NM, abs=0.01)
    tags = facts.tags
    assert tags["EARTHLOOM_METHOD"] == "superresolution/bicubic" and json.loads(tags["EARTHLOOM_RATIO"]) == ratio
    assert "sha256" in tags["EARTHLOOM_INPUTS"]
    expected = imresize(cube().round(), ratio)
    assert np.abs(data - expected).max() <= 0.51


def test_formats_agree(cli: Cli, scene: Path) -> None:
    folder = scene.parent
    numbers = cube().round().astype("int16")
    run(cli, scene, folder / "out" / "a.tif", "-r", 2, method="back_projection")
    expected = get(folder / "out" / "a.tif")[0].astype(int)
    envi(folder / "e.dat", numbers, wavelength="{" + ", ".join(map(str, NM)) + "}")
    savemat(folder / "m.mat", {"anything": np.moveaxis(numbers, 0, 2), "wavelengths": NM[:, None]})
    for name in ("e.dat", "e.hdr", "m.mat"):
        out = folder / "out" / f"{name}.tif"
        assert run(cli, folder / name, out, "-r", 2, method="back_projection").code == 0
        assert np.array_equal(get(out)[0], expected)
        assert [float(t["wavelength"]) for t in get(out)[1].band_tags] == pytest.approx(NM, abs=0.01)
    out = folder / "out" / "m.mat"
    assert run(cli, scene, out, "-r", 2, method="back_projection").code == 0
    found = loadmat(out)
    assert np.array_equal(np.moveaxis(found["sr"], 2, 0).round(), expected)
    assert found["wavelengths"].ravel() == pytest.approx(NM)


def test_netcdf(cli: Cli, tmp_path: Path) -> None:
    import h5py

    numbers, out = cube().astype("float32"), tmp_path / "n.tif"
    with h5py.File(tmp_path / "n.nc", "w") as file:  # the layout of NetCDF 4: dimension scales
        for name, values, unit in (("wavelength", NM, "nm"), ("y", np.arange(SIDE), "m"), ("x", np.arange(30), "m")):
            scale = file.create_dataset(name, data=np.asarray(values, float))
            scale.make_scale(name)
            scale.attrs["units"] = np.bytes_(unit)
        image = file.create_dataset("reflectance", data=numbers)
        for axis, name in enumerate(("wavelength", "y", "x")):
            image.dims[axis].attach_scale(file[name])
    done = run(cli, tmp_path / "n.nc", out, "-r", 2)
    assert done.code == 0, done
    data, facts = get(out)
    assert [float(t["wavelength"]) for t in facts.band_tags] == pytest.approx(NM, abs=0.01)
    assert sorted(data.mean(axis=(1, 2))) == pytest.approx(sorted(numbers.mean(axis=(1, 2))), rel=1e-3)


def test_folder_of_cave(cli: Cli, tmp_path: Path) -> None:
    numbers = cube(31, (16, 16)).round().astype("uint16")
    inner = tmp_path / "balls_ms" / "balls_ms"
    inner.mkdir(parents=True)
    for band, image in enumerate(numbers, 1):
        put(inner / f"balls_ms_{band:02}.png", image[None], crs=None, driver="PNG")
    assert run(cli, tmp_path / "balls_ms", tmp_path / "o.tif", "-r", 2).code == 0
    data, facts = get(tmp_path / "o.tif")
    assert np.abs(data - imresize(numbers.astype(float), 2)).max() <= 0.51
    assert float(facts.band_tags[30]["wavelength"]) == 700


def test_bad_bands_touch_no_other(cli: Cli, tmp_path: Path) -> None:
    """One band holds only nodata, one is 0 throughout, one is listed by the header, one is named."""
    numbers = cube().round().astype("int16")
    clean = np.delete(numbers, [2, 5, 7, 9], axis=0)
    numbers[2], numbers[5] = -9999, 0
    path = envi(tmp_path / "b.dat", numbers, bbl="{" + ", ".join("0" if b == 7 else "1" for b in range(12)) + "}")
    text = path.with_suffix(".hdr").read_text() + "data ignore value = -9999\n"
    path.with_suffix(".hdr").write_text(text)
    out = tmp_path / "b.tif"
    done = run(cli, path, out, "-r", 2, "--bad-bands", "10", "-v", method="back_projection")
    assert done.code == 0, done
    assert "3 empty" in done.err and "6 constant" in done.err and "8 listed" in done.err and "10 named" in done.err
    data, facts = get(out)
    alone = earthloom.superresolve(clean, 2, "back_projection")
    assert np.abs(np.delete(data, [2, 5, 7, 9], axis=0).astype(int) - alone).max() <= 1
    assert (data[2] == -9999).all() and facts.nodata == -9999 and (data[5] == 0).all()
    assert np.abs(data[9] - imresize(numbers[9:10].astype(float), 2)[0]).max() <= 0.51  # interpolated
    assert json.loads(facts.tags["EARTHLOOM_BAD_BANDS"]) == [3, 6, 8, 10]
    assert run(cli, path, tmp_path / "d.tif", "-r", 2, "--bad-bands", "10", "--drop-bad").code == 0
    assert get(tmp_path / "d.tif")[0].shape[0] == 8
    assert run(cli, out, tmp_path / "again.tif", "-r", 2, "-v").code == 0  # our product remembers them
    assert get(tmp_path / "again.tif")[1].tags["EARTHLOOM_BAD_BANDS"] == facts.tags["EARTHLOOM_BAD_BANDS"]


def test_nodata_stays_where_it_was(cli: Cli, tmp_path: Path) -> None:
    numbers = cube().astype("float32")
    numbers[:, 4:9, 5:11] = np.nan
    path = put(tmp_path / "n.tif", numbers, grid(30))
    assert run(cli, path, tmp_path / "o.tif", "-r", 3, method="back_projection").code == 0
    data, _ = get(tmp_path / "o.tif")
    missing = np.kron(np.isnan(numbers[0]), np.ones((3, 3), bool))
    assert np.array_equal(np.isnan(data), np.broadcast_to(missing, data.shape))


def test_a_band_with_many_holes_is_told() -> None:
    numbers = cube()
    numbers[3, :6] = np.nan
    with pytest.warns(EarthloomWarning, match="band 4 alone"):
        found = earthloom.superresolve(numbers, 2, "bicubic")
    assert np.isnan(found[0, :12]).all()
    found = earthloom.superresolve(numbers, 2, "bicubic", bad_bands=[4])
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_nan_bands() -> None:
    numbers = cube()
    numbers[[3, 8]] = np.nan
    found = earthloom.superresolve(numbers, 2, "bicubic")
    assert np.isnan(found[[3, 8]]).all() and np.isfinite(np.delete(found, [3, 8], axis=0)).all()
    with pytest.raises(InputError, match="all bad"):
        earthloom.superresolve(np.full((6, 16, 16), np.nan), 2, "bicubic")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small CoarSR at ratio 2, its biases random, so that scale and neighbours matter."""
    import torch

    from earthloom.engine.scene import ArrayScene
    from earthloom.methods import catalog
    from earthloom.problems.superresolution import observation, on_grid
    from earthloom.types import Band

    bands = tuple(Band(f"b{i}") for i in range(8))
    view = on_grid(np.ones((8, 8, 8), np.float32), np.ones((8, 8), bool), bands, 2)
    made = catalog.make("coarsr", "superresolution", width=4)
    fitted = made.fresh(ArrayScene(observation(view)).empty())  # type: ignore[attr-defined]
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))
    return fitted.save(tmp_path / "small.safetensors")


def test_order_of_wavelengths_and_gaps(weights: Path) -> None:
    """Bands in another order come out the same, each in its place; parts beside a gap as if they were alone."""
    numbers, shuffled = cube(), np.r_[0:6, 4 + 3, 6, 8:12]
    plain = earthloom.superresolve(numbers, 2, "coarsr", weights, wavelengths_nm=NM)
    with pytest.warns(EarthloomWarning, match=r"not monotonic.*band 7"):
        found = earthloom.superresolve(numbers[shuffled], 2, "coarsr", weights, wavelengths_nm=NM[shuffled])
    np.testing.assert_allclose(found, plain[shuffled], rtol=1e-5)
    apart = NM + np.where(np.arange(BANDS) > 5, 400, 0)
    found = earthloom.superresolve(numbers, 2, "coarsr", weights, wavelengths_nm=apart)
    parts = [
        earthloom.superresolve(numbers[s], 2, "coarsr", weights, bands_first=True) for s in np.split(np.r_[0:12], 2)
    ]
    np.testing.assert_allclose(found, np.concatenate(parts), rtol=1e-5)
    assert np.abs(found - plain).max() > 0.01
    together = earthloom.superresolve(numbers, 2, "coarsr", weights, wavelengths_nm=apart, across_gaps=True)
    np.testing.assert_allclose(together, plain, rtol=1e-5)


def test_refine_as_asked(weights: Path) -> None:
    numbers = cube()
    alone = earthloom.superresolve(numbers, 2, "coarsr", weights)
    np.testing.assert_array_equal(earthloom.superresolve(numbers, 2, "dualsr", weights, refine=False), alone)
    full = earthloom.superresolve(numbers, 2, "dualsr", weights)
    np.testing.assert_array_equal(full, earthloom.superresolve(numbers, 2, "dualsr", weights, refine=5))
    back = [np.abs(imresize(image, 1 / 2) - numbers).mean() for image in (alone, full)]
    assert back[1] < 0.5 * back[0]  # it agrees with what was seen
    refined = earthloom.superresolve(numbers, 2, "bicubic", refine=5)
    assert np.abs(refined - earthloom.superresolve(numbers, 2, "bicubic")).max() > 1
    with pytest.raises(MethodError, match="no field 'weights'"):
        earthloom.superresolve(numbers, 2, "bicubic", weights)


def test_kinds_of_arrays() -> None:
    import torch
    import xarray

    numbers = cube()
    plain = earthloom.superresolve(numbers, 2, "bicubic")
    tensor = earthloom.superresolve(torch.from_numpy(numbers), 2.0, "bicubic")
    assert isinstance(tensor, torch.Tensor) and np.array_equal(tensor.numpy(), plain)
    coords = {"wavelength": NM, "y": 1000 - 30.0 * np.arange(SIDE), "x": 30.0 * np.arange(SIDE + 6)}
    array = xarray.DataArray(numbers, dims=("wavelength", "y", "x"), coords=coords, name="radiance")
    found = earthloom.superresolve(array, 2, "bicubic")
    assert found.dims == array.dims and found.name == "radiance" and np.array_equal(found.to_numpy(), plain)
    assert found.y.to_numpy()[:2].tolist() == [1007.5, 992.5] and found.x.to_numpy()[:2].tolist() == [-7.5, 7.5]
    assert np.array_equal(found.wavelength, NM)
    turned = earthloom.superresolve(array.transpose("y", "x", "wavelength"), 2, "bicubic")
    assert turned.identical(found)  # the names of the dimensions say which is which


def test_files_without_output(scene: Path) -> None:
    found = earthloom.superresolve(scene, 2, "bicubic")
    assert found.shape == (BANDS, 2 * SIDE, 2 * SIDE + 12)
    assert found.x.to_numpy()[0] == 400007.5 and np.allclose(found.wavelength, NM, atol=0.01)


def test_tiles_and_threads_change_nothing(cli: Cli, scene: Path) -> None:
    outs = [scene.parent / "out" / f"{n}.tif" for n in range(2)]
    run(cli, scene, outs[0], "-r", 4, method="back_projection")
    run(cli, scene, outs[1], "-r", 4, "--tile-size", 32, "--threads", 2, method="back_projection")
    assert np.array_equal(get(outs[0])[0], get(outs[1])[0])


def test_authors_checkpoint(cli: Cli, shared: Path, tmp_path: Path) -> None:
    path = shared / "golden" / "coarsr_CAVE_model_4_x4_f16.pth"
    if not path.is_file():
        pytest.skip("no shared golden files")
    ours = tmp_path / "x4.safetensors"
    done = cli("weights", "import", path, "-o", ours)
    assert done.code == 0 and "4:1" in done.out, done
    assert "superresolution/coarsr" in cli("weights", "show", ours).out
    assert json.loads(cli("weights", "show", ours, "--json").out)["sizes"]["ratio"] == 4
    refused(cli("weights", "import", path, "-o", ours), "exists")
    small = put(tmp_path / "s.tif", cube(6, (10, 10)).astype("float32"), grid(30))
    for name, weights in (("a", ours), ("b", path)):
        assert run(cli, small, tmp_path / f"{name}.tif", "--weights", weights, method="dualsr").code == 0
    assert np.array_equal(get(tmp_path / "a.tif")[0], get(tmp_path / "b.tif")[0])
    done = run(
        cli, small, tmp_path / "r.tif", "--weights", path, "--variant", "released", "--no-refine", method="dualsr"
    )
    assert done.code == 0 and np.abs(get(tmp_path / "r.tif")[0] - get(tmp_path / "a.tif")[0]).max() > 0
    assert json.loads(get(tmp_path / "r.tif")[1].tags["EARTHLOOM_PARAMETERS"])["variant"] == "released"
    done = run(cli, small, tmp_path / "o.tif", "-r", 2, "--weights", path, method="dualsr")
    refused(done, "of ratio 4", "2 times", "--ratio 4")


def test_weights_listed(cli: Cli, tmp_path: Path) -> None:
    assert "generic_4to1" in cli("weights", "list").out
    refused(cli("weights", "import", tmp_path / "no.pth", "-o", tmp_path / "x.safetensors"), "no file")
    (tmp_path / "bad.pth").write_bytes(b"\x80\x02nothing")
    refused(cli("weights", "import", tmp_path / "bad.pth", "-o", tmp_path / "x.safetensors"), "bad.pth", "is a pickle")
    refused(cli("weights", "import", tmp_path / "bad.pth", "-o", tmp_path / "x.pt"), ".safetensors")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "5"), ("ratio 5", "2, 3, 4, 8")),
        (("-r", "2.5"), ("ratio 2.5", "2, 3, 4, 8")),
        (("--bad-bands", "13"), ("bad band 13", "1 to 12")),
        (("--bad-bands", "a-b"), ("bad bands 'a-b'", "1-4")),
        (("-r", "2", "-o", "x.jp2"), ("x.jp2", "GeoTIFF")),
        (("--refine", "3", "--no-refine"), ("--refine", "--no-refine")),
        (("--sensor", "worldview3"), ("WorldView-3", "12 bands")),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, tuple) else None,
)
def test_refused(cli: Cli, scene: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    out = scene.parent / "out" / "o.tif"
    place = [] if "-o" in arguments else ["-o", out]
    refused(cli("superresolve", scene, "-m", "bicubic", *arguments, *place), *words)
    assert not os.listdir(scene.parent / "out")


def test_few_bands_refused(cli: Cli, tmp_path: Path, weights: Path) -> None:
    few = put(tmp_path / "f.tif", cube(4).astype("float32"), grid(30))
    refused(run(cli, few, tmp_path / "o.tif", "-r", 2, method="dualsr"), "4 band", "at least 5", "bicubic")
    assert run(cli, few, tmp_path / "o.tif", "-r", 2).code == 0
    numbers = cube(6)
    with pytest.raises(MethodError, match=r"4 band.*6 with the bad"):
        earthloom.superresolve(numbers, 2, "coarsr", weights, bad_bands="1-2")


def test_wrong_axis_order_refused(cli: Cli, tmp_path: Path) -> None:
    turned = np.moveaxis(cube(20, (64, 64)), 0, 2)
    with pytest.raises(InputError, match="moveaxis"):
        earthloom.superresolve(turned, 2, "bicubic")
    with pytest.raises(InputError, match=r"20 wavelengths for 64 bands.*moveaxis"):
        earthloom.superresolve(turned, 2, "bicubic", wavelengths_nm=np.linspace(400, 900, 20))
    assert earthloom.superresolve(turned, 2, "bicubic", bands_first=True).shape == (64, 128, 40)
    savemat(tmp_path / "t.mat", {"hsi": cube(20, (64, 64))})  # bands first in MATLAB: rows for us
    refused(run(cli, tmp_path / "t.mat", tmp_path / "o.tif", "-r", 2), "t.mat", "(row, band, column)", "--bands-first")


def test_wrong_files_refused(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "o.tif"
    (tmp_path / "alone.hdr").write_text("ENVI\n")
    refused(run(cli, tmp_path / "alone.hdr", out), "alone.hdr", "no data beside it")
    savemat(tmp_path / "two.mat", {"a": cube(5, (8, 9)), "b": cube(5, (8, 9))})
    refused(run(cli, tmp_path / "two.mat", out), "two.mat holds a, b", "two.mat:a")
    (tmp_path / "empty").mkdir()
    refused(run(cli, tmp_path / "empty", out), "holds no bands")
    refused(run(cli, tmp_path / "no.tif", out), "does not exist")


@pytest.mark.parametrize("name", ["abu-airport-2.mat", "abu-airport-3.mat"])
def test_real_cubes_are_taken_as_they_are(shared: Path, name: str) -> None:
    path = shared / "data/hyperspectral/airport" / name
    if not path.is_file():
        pytest.skip("no shared data")
    numbers = loadmat(path)["data"]
    assert bands_at(numbers) == 2 and bands_at(np.moveaxis(numbers, 2, 0)) == 0


def test_aviris(shared: Path, cli: Cli, tmp_path: Path) -> None:
    path = shared / "data/hyperspectral/aviris_santa_barbara/a_hsi_img_for_VI_demo.mat"
    if not path.is_file():
        pytest.skip("no shared data")
    done = run(cli, path, tmp_path / "o.tif", "-r", 2, "-v")
    assert done.code == 0 and "not monotonic" in done.err and "1-2, 97-116, 154-171, 222-224 constant" in done.err
    assert "bands 3-96, 117-153, 172-221 are worked on apart" in done.err
    data, facts = get(tmp_path / "o.tif")
    assert data.shape == (224, 180, 180) and (data[0] == 0).all()
    assert float(facts.band_tags[223]["wavelength"]) == pytest.approx(2496.22)


def test_evaluate_cubes(cli: Cli, tmp_path: Path) -> None:
    truth = cube(8, (40, 40)).astype("float32")
    truth[5] = 7  # says nothing
    seen = imresize(truth.astype(float), 1 / 2).astype("float32")
    put(tmp_path / "t.tif", truth, grid(15))
    put(tmp_path / "s.tif", seen, grid(30))
    assert run(cli, tmp_path / "s.tif", tmp_path / "p.tif", "-r", 2, method="back_projection").code == 0
    figure = tmp_path / "f.png"
    asked = ["evaluate", tmp_path / "p.tif", "--reference", tmp_path / "t.tif", "--hs", tmp_path / "s.tif"]
    done = cli(*asked, "--ratio", 2, "--peak", 2000, "--json", "--figure", figure)
    assert done.code == 0, done
    report = json.loads(done.out)
    figures, bicubic = report["figures"], report["rows"]["bicubic"]
    product = get(tmp_path / "p.tif")[0]
    assert figures["psnr"] == pytest.approx(psnr(product, truth, 2000), abs=1e-4)
    assert figures["ergas"] == pytest.approx(ergas(product, truth, 2), rel=1e-5)
    curve = [figures[f"psnr_band_{b}"] for b in (1, 2, 3, 4, 5, 7, 8)]
    assert figures["mpsnr"] == pytest.approx(np.mean(curve)) and "psnr_band_6" not in figures
    assert curve[0] == pytest.approx(10 * np.log10(2000**2 / np.mean((product[0].astype(float) - truth[0]) ** 2)))
    assert bicubic["psnr"] < figures["psnr"]
    picture = get(figure)[0]
    assert picture.shape[2] > 800 and picture.std() > 10
    text = cli(*asked, "--ratio", 2).out
    assert "PSNR by band" in text and "bicubic" in text and "mpsnr" in text
    refused(cli("evaluate", tmp_path / "p.tif", "--hs", tmp_path / "s.tif"), "no reference")


def test_plan_of_bands() -> None:
    data = cube(20, (8, 8))
    present = np.ones(data.shape, bool)
    nm = [400.0 + 10 * b + (200 if b > 8 else 0) + (300 if b > 17 else 0) for b in range(20)]
    found = plan_bands(data, present, nm)
    assert [len(group) for group in found.groups] == [9, 11]  # two bands alone join the nearer part
    assert plan_bands(data, present, [None] * 20, named=range(8, 15)).groups == (tuple(range(7)), tuple(range(7, 13)))
    assert plan_bands(np.ones((3, 4, 4)), np.ones((3, 4, 4), bool), [None] * 3).good == (0, 1, 2)  # flat, none is worse
    assert numbers_in(["1-3", "7,9"]) == (1, 2, 3, 7, 9) and runs([1, 2, 3, 7]) == "1-3, 7"
    with pytest.warns(EarthloomWarning, match="wavelengths of 0"):
        plan_bands(data, present, [0.0] * 20)


def test_a_network_says_beforehand_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the measured cost, the machine's own speed and the size; advice where that is long, nothing for others."""
    from earthloom.evaluation import duration

    size = BANDS * SIDE * SIDE / (31 * 64 * 64)
    cost = json.loads(catalog.COSTS.read_text())["superresolution"]
    image = cube(shape=(SIDE, SIDE)).astype("float32")
    per = 60.0 / (size * cost["dualsr"])  # seconds of bicubic with which the network takes a minute
    monkeypatch.setattr(duration, "_interpolating", lambda: per)
    told: list[str] = []
    more: dict[str, Any] = {"ratio": 2, "device": "cpu", "say": told.append}
    earthloom.superresolve(image, method="dualsr", **more)
    assert any("DualSR will take about 60 s of one processor core" in line for line in told)
    with pytest.warns(EarthloomWarning, match=r"about 8 min .* back-projection .* `method=back_projection`"):
        earthloom.superresolve(image, method="dualsr", ensemble=True, **more)
    monkeypatch.setattr(duration, "_interpolating", lambda: 1e6)
    earthloom.superresolve(image, method="back_projection", **more)  # a warning would be an error
    monkeypatch.setattr(duration, "_interpolating", lambda: 1e-9)
    told.clear()
    earthloom.superresolve(image, method="dualsr", **more)
    assert not any("will take" in line for line in told)
