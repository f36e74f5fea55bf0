"""The Python verbs as a user meets them: paths, numpy, torch, xarray."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomError, EarthloomWarning, GridError, InputError, MethodError, SensorError
from earthloom.metrics import ergas
from tests.e2e.conftest import Pair, fine_truth, get, observed

Make = Callable[..., Pair]
xarray = pytest.importorskip("xarray")
rioxarray = pytest.importorskip("rioxarray")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Use `@`:PendingDeprecationWarning")  # rioxarray with affine 3


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    """PAN and MS in float32, ratio 4."""
    pan, ms = observed(fine_truth())
    return pan.astype("float32"), ms.astype("float32")


def test_paths_to_a_path(pair: Make) -> None:
    files = pair()
    path = earthloom.pansharpen(files.pan, files.ms, "gsa", output=files.out)
    assert path == files.out and get(path)[0].shape == (3, 96, 128)
    assert earthloom.pansharpen(str(files.pan), [str(files.ms)], output=str(files.out), overwrite=True) == files.out


def test_paths_to_a_dataarray(pair: Make) -> None:
    files = pair()
    found = earthloom.pansharpen(files.pan, files.ms, "exp")
    earthloom.pansharpen(files.pan, files.ms, "exp", output=files.out)
    stored, file = get(files.out)
    assert isinstance(found, xarray.DataArray) and found.dtype == np.float32
    assert found.rio.crs == file.crs and found.rio.transform() == file.transform
    np.testing.assert_allclose(found.to_numpy(), stored, atol=0.51)
    numbers = earthloom.pansharpen(files.pan, files.ms, "exp", dtype="uint16")
    assert numbers.dtype == np.uint16
    np.testing.assert_array_equal(numbers.to_numpy(), stored)


def test_a_dataarray_of_scaled_files(pair: Make, tmp_path: Path) -> None:
    import rasterio

    files = pair()
    with rasterio.open(files.ms, "r+") as file:
        file.scales, file.offsets = (0.0001,) * 3, (-0.1,) * 3
    found = earthloom.pansharpen(files.pan, files.ms, "exp")
    assert 0 < float(found.mean()) < 0.1
    numbers = earthloom.pansharpen(files.pan, files.ms, "exp", dtype="uint16")
    again = numbers * numbers.attrs["scale_factor"] + numbers.attrs["add_offset"]
    np.testing.assert_allclose(again.to_numpy(), found.to_numpy(), atol=5.1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_numpy_keeps_the_dtype(dtype: str, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = (image / 8 for image in arrays)
    fused = earthloom.pansharpen(pan.astype(dtype), ms.astype(dtype))
    assert isinstance(fused, np.ndarray) and fused.shape == (3, 96, 128) and fused.dtype == dtype
    real = earthloom.pansharpen(pan.astype(dtype), ms.astype(dtype), dtype="float64")
    np.testing.assert_allclose(fused, real, atol=0.51 if np.dtype(dtype).kind in "iu" else 1e-3)


def test_two_dimensions_are_one_band(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    np.testing.assert_array_equal(earthloom.pansharpen(pan[0], ms), earthloom.pansharpen(pan, ms))
    assert earthloom.pansharpen(pan[0], ms[0]).shape == (1, 96, 128)


def test_inputs_are_left_alone(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    pan[0, 3, 3] = np.nan
    before = pan.copy(), ms.copy()
    earthloom.pansharpen(pan, ms)
    np.testing.assert_array_equal(pan, before[0])
    np.testing.assert_array_equal(ms, before[1])


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "uint8"])
def test_torch(name: str, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = (torch.tensor(image / 8).to(getattr(torch, name)) for image in arrays)
    fused = earthloom.pansharpen(pan, ms)
    assert isinstance(fused, torch.Tensor) and fused.dtype == pan.dtype
    np.testing.assert_array_equal(fused.numpy(), earthloom.pansharpen(pan.numpy(), ms.numpy()))


def test_torch_of_two_kinds(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    """The result has the dtype of the MS, whatever that of the PAN."""
    pan, ms = torch.tensor(arrays[0] / 8).to(torch.uint8), torch.tensor(arrays[1] / 1e4)
    fused = earthloom.pansharpen(pan, ms)
    assert fused.dtype == torch.float32 and 0.05 < float(fused.mean()) < 0.2
    half = earthloom.pansharpen(torch.tensor(arrays[0]).bfloat16(), torch.tensor(arrays[1]).bfloat16())
    assert half.dtype == torch.float32
    tracked = earthloom.pansharpen(torch.tensor(arrays[0], requires_grad=True), torch.tensor(arrays[1]))
    assert tracked.shape == (3, 96, 128)


def test_masked_arrays(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    masked = np.ma.array(pan, mask=np.zeros(pan.shape, bool))
    masked[0, 20:24, 40:48] = np.ma.masked
    fused = earthloom.pansharpen(masked, ms)
    assert type(fused) is np.ndarray
    hole = np.zeros((96, 128), bool)
    hole[20:24, 40:48] = True
    np.testing.assert_array_equal(np.isnan(fused[0]), hole)


def test_xarray_keeps_its_coordinates(pair: Make) -> None:
    files = pair()
    with rioxarray.open_rasterio(files.pan) as pan, rioxarray.open_rasterio(files.ms) as ms:
        fused = earthloom.pansharpen(pan, ms, "gsa")
        assert isinstance(fused, xarray.DataArray) and fused.dims == ("band", "y", "x")
        assert fused.dtype == np.uint16
        assert fused.rio.crs == pan.rio.crs and fused.rio.transform() == pan.rio.transform()
        earthloom.pansharpen(files.pan, files.ms, "gsa", output=files.out)
        np.testing.assert_array_equal(fused.to_numpy(), get(files.out)[0])
        target = files.out.with_name("by_rioxarray.tif")
        fused.rio.to_raster(target)
    np.testing.assert_array_equal(get(target)[0], get(files.out)[0])
    assert get(target)[1].transform == get(files.out)[1].transform


def test_xarray_by_place(pair: Make) -> None:
    """Coordinates decide, not shapes: a part of the MS sharpens the part of the PAN that it covers."""
    files = pair()
    with rioxarray.open_rasterio(files.pan) as pan, rioxarray.open_rasterio(files.ms) as ms:
        whole = earthloom.pansharpen(pan.astype(float), ms.astype(float), "exp")
        part = earthloom.pansharpen(pan.astype(float), ms.astype(float)[:, 4:, 8:], "exp")
        assert part.shape == whole.shape
        assert np.isnan(part[:, :16]).all() and np.isnan(part[:, :, :32]).all()
        inside = (slice(None), slice(48, None), slice(64, None))
        np.testing.assert_allclose(part[inside], whole[inside], rtol=1e-6)
        with pytest.raises(GridError, match="overlap"):
            earthloom.pansharpen(pan, ms.assign_coords(x=ms.x + 500))
        with pytest.raises(GridError, match="opposite"):
            earthloom.pansharpen(pan, ms[:, ::-1])
        with pytest.raises(GridError, match="CRS"):
            earthloom.pansharpen(pan, ms.rio.write_crs("EPSG:32634"))


def test_xarray_nodata(pair: Make) -> None:
    pan, ms = (image.round().astype("uint16") for image in observed(fine_truth()))
    ms[:, 5, 6] = 7
    files = pair(pan, ms, of_ms={"nodata": 7})
    with rioxarray.open_rasterio(files.pan) as first, rioxarray.open_rasterio(files.ms) as second:
        fused = earthloom.pansharpen(first, second).to_numpy()
    assert (fused[:, 20:24, 24:28] == 7).all() and (fused == 7).sum() == 3 * 16


BAD: dict[str, tuple[type[Exception], str, Callable[[np.ndarray, np.ndarray], Any]]] = {
    "swapped": (InputError, "swapped", lambda pan, ms: earthloom.pansharpen(ms, pan)),
    "shapes": (GridError, "one whole ratio", lambda pan, ms: earthloom.pansharpen(pan, ms[:, :15])),
    "bands last": (GridError, "bands come first", lambda pan, ms: earthloom.pansharpen(pan, ms.transpose(1, 2, 0))),
    "ratio 1": (GridError, "ratio of 1", lambda pan, ms: earthloom.pansharpen(ms[:1], ms)),
    "one pixel": (GridError, "2 x 2", lambda pan, ms: earthloom.pansharpen(pan[:, :4, :4], ms[:, :1, :1])),
    "empty": (InputError, "shape", lambda pan, ms: earthloom.pansharpen(pan[:, :0], ms)),
    "lists": (InputError, "list", lambda pan, ms: earthloom.pansharpen(pan.tolist(), ms.tolist())),
    "complex": (InputError, "complex64", lambda pan, ms: earthloom.pansharpen(pan, ms.astype("complex64"))),
    "mixed": (InputError, "one kind", lambda pan, ms: earthloom.pansharpen(pan, "ms.tif")),
    "nothing valid": (InputError, "no valid", lambda pan, ms: earthloom.pansharpen(pan * np.nan, ms)),
    "method": (MethodError, "did you mean gsa", lambda pan, ms: earthloom.pansharpen(pan, ms, "gsaa")),
    "field": (MethodError, "no field", lambda pan, ms: earthloom.pansharpen(pan, ms, "gsa", haze=3)),
    "no field": (MethodError, "no field", lambda pan, ms: earthloom.pansharpen(pan, ms, "gsa", card=3)),
    "sensor": (SensorError, "worldview3", lambda pan, ms: earthloom.pansharpen(pan, ms, sensor="wordview3")),
    "bands of sensor": (SensorError, "3 bands", lambda pan, ms: earthloom.pansharpen(pan, ms, sensor="worldview3")),
    "convention": (InputError, "convention", lambda pan, ms: earthloom.pansharpen(pan, ms, convention="corner")),
    "odd ratio": (
        GridError, "even ratio",
        lambda pan, ms: earthloom.pansharpen(pan[:, :72, :96], ms, convention="toolbox"),
    ),
    "dtype": (InputError, "dtype", lambda pan, ms: earthloom.pansharpen(pan, ms, dtype="int17")),
    "int64": (InputError, "int64", lambda pan, ms: earthloom.pansharpen(pan, ms.astype("int64"))),
    "nodata": (InputError, "nodata", lambda pan, ms: earthloom.pansharpen(pan, ms, nodata=-1, dtype="uint8")),
    "threads": (InputError, "threads", lambda pan, ms: earthloom.pansharpen(pan, ms, threads=0)),
    "tile": (InputError, "tile size", lambda pan, ms: earthloom.pansharpen(pan, ms, tile_size=0)),
    "output": (InputError, "output", lambda pan, ms: earthloom.pansharpen(pan, ms, output="sharp.tif")),
    "nothing to compare": (InputError, "reference", lambda pan, ms: earthloom.evaluate(ms)),
    "a cube without a ratio": (InputError, "without a ratio", lambda pan, ms: earthloom.evaluate(ms, ms, hs=ms)),
    "kinds to compare": (InputError, "one kind", lambda pan, ms: earthloom.evaluate(ms, "truth.tif", ratio=4)),
    "convention to compare": (
        InputError, "convention",
        lambda pan, ms: earthloom.evaluate(np.repeat(pan, 3, 0), pan=pan, ms=ms, convention="corner"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case: str, arrays: tuple[np.ndarray, np.ndarray]) -> None:
    kind, words, call = BAD[case]
    with pytest.raises(kind, match=words) as caught:
        call(*arrays)
    assert isinstance(caught.value, EarthloomError) and "\n" not in str(caught.value)


def test_fields_of_a_method(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    from earthloom.methods import catalog

    pan, ms = arrays
    plain = earthloom.pansharpen(pan, ms, "bt_h")
    other = earthloom.pansharpen(pan, ms, "bt_h", haze=0.2)
    assert not np.array_equal(plain, other)
    np.testing.assert_array_equal(other, earthloom.pansharpen(pan, ms, catalog.make("bt_h", haze=0.2)))
    with pytest.raises(InputError, match="beside a method object"):
        earthloom.pansharpen(pan, ms, catalog.make("bt_h"), haze=0.2)


def test_nodata_and_dtype(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    ms[1, 3, 5] = -1
    fused = earthloom.pansharpen(pan, ms, nodata=-1, dtype="int16")
    hole = np.zeros((96, 128), bool)
    hole[12:16, 20:24] = True
    assert fused.dtype == np.int16
    np.testing.assert_array_equal(fused == -1, np.broadcast_to(hole, fused.shape))


def test_integers_are_clipped_never_wrapped(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    with pytest.warns(EarthloomWarning, match="clipped to the range of uint8"):
        fused = earthloom.pansharpen(pan, ms, "brovey", dtype="uint8")
    assert fused.min() == fused.max() == 255  # all are above 255


def test_register_mends_a_shift() -> None:
    """The MS is displaced by (1.3, -0.8) PAN pixels: `register=True` finds it and gains by it."""
    truth = fine_truth((512, 640), 4)
    pan, _ = observed(truth)
    _, straight = observed(truth)
    shifted = _shift(truth, 1.3, -0.8)
    _, ms = observed(shifted)
    said = r"MS lies -1\.\d\d rows, \+0\.\d\d columns .* correct it with `register=True`"
    with pytest.warns(EarthloomWarning, match=said) as warned:
        plain = earthloom.pansharpen(pan, ms, "gsa")
    assert [one.filename for one in warned] == [__file__]  # it points at who called, not into the package
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registered = earthloom.pansharpen(pan, ms, "gsa", register=True)
    ideal = earthloom.pansharpen(pan, straight, "gsa")
    inner = (slice(None), slice(16, -16), slice(16, -16))
    before, after, best = (ergas(image[inner], truth[inner], ratio=4) for image in (plain, registered, ideal))
    assert best < 0.9 * before and after < best + 0.05 * (before - best), (before, after, best)


def _shift(image: np.ndarray, y: float, x: float) -> np.ndarray:
    """Move the content of a periodic image down and right by fractions of a pixel (Fourier phases)."""
    rows, cols = np.fft.fftfreq(image.shape[1])[:, None], np.fft.fftfreq(image.shape[2])
    return np.fft.ifft2(np.fft.fft2(image) * np.exp(-2j * np.pi * (rows * y + cols * x))).real


def test_toolbox_data_are_noticed() -> None:
    """MS samples at ``ratio * i + ratio / 2``: a warning names the convention that fits, and it silences it."""
    truth = fine_truth((512, 512), 4, seed=5)
    ms = observed(_shift(truth, -0.5, -0.5))[1]
    pan = truth.mean(axis=0)
    with pytest.warns(EarthloomWarning, match="convention='toolbox'"):
        earthloom.pansharpen(pan, ms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        earthloom.pansharpen(pan, ms, convention="toolbox")
        earthloom.pansharpen(pan, observed(truth)[1])
    with pytest.warns(EarthloomWarning, match="convention='centre'"):
        earthloom.pansharpen(pan, observed(truth)[1], convention="toolbox")


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 6, 7])
def test_any_ratio(ratio: int) -> None:
    truth = fine_truth((ratio * 20, ratio * 24))
    pan, ms = observed(truth, ratio)
    fused = earthloom.pansharpen(pan, ms, "gsa")
    nearest = np.kron(ms, np.ones((1, ratio, ratio)))
    assert ergas(fused, truth, ratio=ratio) < ergas(nearest, truth, ratio=ratio)


def test_simulate_and_evaluate(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    pan, ms = arrays
    case = earthloom.simulate(pan, ms)
    assert case.truth.shape == (3, 24, 32) and case.ms.shape == (3, 6, 8) and case.pan.shape == (24, 32)
    product = earthloom.pansharpen(case.pan, case.ms, "gsa")
    report = earthloom.evaluate(product, case.truth, ratio=4)
    np.testing.assert_allclose(report.figures["ergas"], ergas(product, case.truth, ratio=4), rtol=1e-6)
    blind = earthloom.evaluate(earthloom.pansharpen(pan, ms, "gsa"), pan=pan, ms=ms)
    assert set(blind.rows) == {"product", "EXP (no fusion)"} and 0 < blind.figures["hqnr"] <= 1


def test_progress_is_told(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    told: list[tuple[str, int, int]] = []
    earthloom.pansharpen(*arrays, tile_size=32, threads=2, progress=lambda *step: told.append(step))
    fusing = [step for step in told if step[0] == "fusing"]
    assert [done for _, done, _ in fusing] == list(range(1, 13)) and {total for *_, total in fusing} == {12}


def test_importing_costs_nothing() -> None:
    import subprocess
    import sys

    code = "import earthloom, sys; print([m for m in ('numpy', 'torch', 'rasterio', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "[]\n"


def test_register_is_refused_where_it_would_do_nothing() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(EarthloomError, match="toolbox"):
        earthloom.pansharpen(rng.random((64, 64)), rng.random((3, 16, 16)), register=True, convention="toolbox")


def test_a_sensor_object_is_a_sensor() -> None:
    rng = np.random.default_rng(0)
    pan, ms = rng.random((64, 64)), rng.random((4, 16, 16))
    chosen = earthloom.sensors.select(earthloom.sensors.load("worldview3"), ["blue", "green", "red", "nir1"])
    named = earthloom.pansharpen(pan, ms, sensor="worldview3", method="mtf_glp")
    np.testing.assert_array_equal(earthloom.pansharpen(pan, ms, sensor=chosen, method="mtf_glp"), named)
