"""Arrays that dask computes give a product that dask computes: the same numbers, and none before they are asked for."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomWarning, InputError
from earthloom.types import Window
from tests.contract.verbs.cases import CASES, Case
from tests.e2e.conftest import fine_truth

xarray = pytest.importorskip("xarray")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

CHUNKS = {"y": (17, 30, 11), "x": 23, "band": 2}  # uneven, and none of them a tile
METHODS = {
    "pansharpen": ("gsa", "brovey", "mtf_glp"), "predict": ("copy", "starfm"), "superresolve": ("back_projection",),
    "align": ("hls",), "decloud": ("sar_regression", "inpaint"), "sharpen": ("gwr", "hypersharpening"),
}  # fmt: skip
OWN = [(case, method) for case in CASES for method in METHODS[case.verb]]


@pytest.fixture(autouse=True)
def _small_chunks_are_said() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "chunks of", EarthloomWarning)
        yield


def labelled(given: Any, chunks: Mapping[str, Any] | None = None) -> Any:
    """The images of files as DataArrays, their chunks cut to their size."""
    import rasterio

    if isinstance(given, (list, tuple)):
        return type(given)(labelled(one, chunks) for one in given)
    if isinstance(given, Mapping):
        return {key: labelled(one, chunks) for key, one in given.items()}
    with rasterio.open(given) as file:
        data, t, crs, names = file.read(), file.transform, file.crs.to_wkt(), file.descriptions
    y, x = t.f + t.e * (np.arange(data.shape[1]) + 0.5), t.c + t.a * (np.arange(data.shape[2]) + 0.5)
    coords: dict[str, Any] = {"y": y, "x": x, "spatial_ref": ((), 0, {"crs_wkt": crs})}
    attrs: dict[str, Any] = {"instrument": "imager"} | ({"long_name": names} if all(names) else {})
    image = xarray.DataArray(data, dims=("band", "y", "x"), coords=coords, attrs=attrs)
    return (
        image if chunks is None else image.chunk({dim: fitting(size, image.sizes[dim]) for dim, size in chunks.items()})
    )


def fitting(sizes: Any, length: int) -> Any:
    """Sizes of chunks that fill a length: those given over and over, the last one cut."""
    found: list[int] = []
    several = sizes if isinstance(sizes, tuple) else (sizes,)
    while sum(found) < length:
        found.append(min(several[len(found) % len(several)], length - sum(found)))
    return tuple(found)


def called(case: Case, given: Mapping[str, Any], **more: Any) -> Any:
    """A verb in tiles of 32 pixels."""
    return case.call(given, **{"tile_size": 32, **more})


@pytest.mark.parametrize(("case", "method"), OWN, ids=lambda one: getattr(one, "verb", one))
def test_lazy_equals_eager(case: Case, method: str, tmp_path: Path) -> None:
    files = case.inputs(tmp_path)
    eager = called(case, labelled(files), method=method)
    lazy = called(case, labelled(files, CHUNKS), method=method)
    assert isinstance(lazy.data, da.Array) and lazy.chunks[1][0] == 32
    xarray.testing.assert_identical(lazy.compute(), eager)
    assert lazy.dtype == eager.dtype and repr(lazy.encoding) == repr(eager.encoding)


@pytest.mark.parametrize("chunk", [9, 1000])
def test_chunks_change_nothing(chunk: int, tmp_path: Path) -> None:
    case = CASES[0]
    files = case.inputs(tmp_path)
    lazy = called(case, labelled(files, {"y": chunk, "x": chunk}))
    xarray.testing.assert_identical(lazy.compute(scheduler="synchronous"), called(case, labelled(files)))


def test_chunks_smaller_than_the_halo_are_said(tmp_path: Path) -> None:
    case = CASES[0]
    with warnings.catch_warnings(), pytest.warns(EarthloomWarning, match="chunks of ms of 3 x 3 pixels cover less"):
        warnings.simplefilter("always")
        called(case, labelled(case.inputs(tmp_path), {"y": 3, "x": 3}), method="mtf_glp")


def test_a_network() -> None:
    pytest.importorskip("torch")
    cube = xarray.DataArray(fine_truth((24, 16), 6).astype("float32"), dims=("band", "y", "x"))
    eager = earthloom.superresolve(cube, ratio=2, method="dualsr", tile_size=32)
    lazy = earthloom.superresolve(cube.chunk({"y": 13, "x": 16}), ratio=2, method="dualsr", tile_size=32)
    xarray.testing.assert_identical(lazy.compute(scheduler="synchronous"), eager)


def test_holes_bad_bands_and_codes(tmp_path: Path) -> None:
    cube = labelled(next(case for case in CASES if case.verb == "superresolve").inputs(tmp_path))["cube"]
    cube[:, 5:9, 7:12] = 65535
    cube[4] = 7
    cube.attrs["_FillValue"] = 65535
    how: dict[str, Any] = {"ratio": 2, "method": "bicubic", "tile_size": 32}
    eager, lazy = (earthloom.superresolve(one, **how) for one in (cube, cube.chunk({"y": 10, "x": 7})))
    assert (eager == 65535).any() and (eager[4] == 7).any()
    xarray.testing.assert_identical(lazy.compute(), eager)


def test_an_alignment_fitted_to_a_target(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.verb == "align")
    source = labelled(case.inputs(tmp_path))["source"]
    target = (source * 0.9 + 50).assign_attrs(long_name=("B2", "B3", "B4", "B5"))
    how = {**case.fields, "method": "ols", "tile_size": 32, "target_scale": 1e-4}
    eager = earthloom.align(source, target=target, **how)
    lazy = earthloom.align(source.chunk({"y": 19}), target=target.chunk({"x": 31}), **how)
    assert isinstance(lazy.data, da.Array)
    xarray.testing.assert_identical(lazy.compute(), eager)


def test_clouds_found_by_thresholds(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.verb == "decloud")
    given = case.inputs(tmp_path)
    del given["mask"]
    with pytest.warns(EarthloomWarning, match="found by thresholds"):  # of what is made at once
        eager = called(case, labelled(given, None))
    lazy = called(case, labelled(given, CHUNKS))
    xarray.testing.assert_identical(lazy.compute(), eager)


class Counted:
    """Blocks of an image that count how often they are made."""

    def __init__(self, bands: int, size: int, chunk: int, seed: int) -> None:
        self.made: list[tuple[int, ...]] = []
        rough = fine_truth((size // 8, size // 8), bands, seed).astype("float32")
        self.whole = np.kron(rough, np.ones((8, 8), "float32")) + np.arange(size, dtype="float32")
        step = chunk

        def block(block_info: Any = None) -> np.ndarray:
            (_, (top, low), (left, right)) = block_info[None]["array-location"]
            self.made.append((top // step, left // step))
            return self.whole[:, top:low, left:right]

        chunks = ((bands,), fitting(chunk, size), fitting(chunk, size))
        self.lazy = xarray.DataArray(
            da.map_blocks(block, chunks=chunks, dtype="float32", meta=np.empty((0, 0, 0), "float32")),
            dims=("band", "y", "x"), name="counted",
        )  # fmt: skip


def test_little_is_computed_beforehand() -> None:
    """An alignment looks at some windows of a large image; a sharpening at those that tell how the images lie."""
    source = Counted(4, 2048, 64, 3)  # 1024 blocks
    how = {"source_sensor": "sentinel2a", "target_sensor": "landsat8", "method": "hls", "source_scale": 1e-4}
    lazy = earthloom.align(source.lazy.assign_coords(band=["B02", "B03", "B04", "B08"]), **how)
    assert 0 < len(source.made) <= 16 * 9 + 1  # sixteen windows of 128 pixels
    source.made.clear()
    lazy[:, 500:510, 500:510].compute()
    assert len(source.made) == len(set(source.made)) == (lazy.chunks[1][0] // 64) ** 2  # those of one tile, once


@pytest.mark.parametrize(("method", "times"), [("exp", 1), ("gsa", 2)])
def test_every_block_is_computed_once(method: str, times: int) -> None:
    """Tiles share the blocks that they read: once for the statistics, once for the product; statistics are kept."""
    pan, ms = Counted(1, 256, 50, 1), Counted(4, 64, 30, 2)
    lazy = earthloom.pansharpen(pan.lazy, ms.lazy, method, tile_size=64)
    for again in (times, 1):
        pan.made.clear()
        ms.made.clear()
        lazy.compute(scheduler="synchronous")
        for one, blocks in ((pan, 36), (ms, 9)):
            assert len(one.made) == again * blocks and len(set(one.made)) == blocks


def test_users_write_a_product_themselves(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    rioxarray = pytest.importorskip("rioxarray")
    import threading

    case = CASES[0]
    files = case.inputs(tmp_path)
    eager = called(case, labelled(files))
    lazy = called(case, labelled(files, CHUNKS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lazy.to_zarr(tmp_path / "own.zarr", consolidated=False)
        lazy.rio.to_raster(tmp_path / "own.tif", lock=threading.Lock())
        np.testing.assert_array_equal(rioxarray.open_rasterio(tmp_path / "own.tif"), eager)
        stored = xarray.open_zarr(tmp_path / "own.zarr", consolidated=False)["pansharpened"]
        np.testing.assert_array_equal(stored, eager)


def test_windows_of_the_product_equal_those_of_the_whole() -> None:
    pan, ms = Counted(1, 256, 50, 1), Counted(4, 64, 50, 2)
    lazy = earthloom.pansharpen(pan.lazy, ms.lazy, "gsa", tile_size=64)
    whole = lazy.compute(scheduler="synchronous")
    part = lazy[:, 60:130, 3:200].compute(scheduler="synchronous")
    np.testing.assert_array_equal(part, whole[:, 60:130, 3:200])


def test_one_lazy_input_makes_a_lazy_product(tmp_path: Path) -> None:
    case = CASES[0]
    files = case.inputs(tmp_path)
    eager = called(case, labelled(files))
    mixed = {"pan": labelled(files["pan"]), "ms": labelled(files["ms"], CHUNKS)}
    lazy = called(case, mixed)
    assert isinstance(lazy.data, da.Array)
    xarray.testing.assert_identical(lazy.compute(), eager)
    flat = {"pan": labelled(files["pan"], CHUNKS).squeeze("band", drop=True), "ms": mixed["ms"]}
    np.testing.assert_array_equal(called(case, flat).compute(), eager)
    bare = called(case, {"pan": mixed["pan"].to_numpy(), "ms": mixed["ms"].data})
    assert isinstance(bare, da.Array)
    np.testing.assert_array_equal(np.asarray(bare), eager)


def test_a_dataset_is_lazy_as_well(tmp_path: Path) -> None:
    case = CASES[0]
    given = labelled(case.inputs(tmp_path))
    bands = given["ms"].assign_coords(band=[f"b{number}" for number in range(given["ms"].sizes["band"])])
    ms = bands.to_dataset("band")
    eager, lazy = (called(case, {"pan": given["pan"], "ms": one}) for one in (ms, ms.chunk({"y": 17, "x": 9})))
    assert isinstance(lazy.data, da.Array)
    xarray.testing.assert_identical(lazy.compute(), eager)


def test_torch_beside_dask_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    given = labelled(CASES[0].inputs(tmp_path), CHUNKS)
    pan = torch.from_numpy(given["pan"].to_numpy().astype("float32"))
    with pytest.raises(InputError, match="torch beside arrays of dask"):
        earthloom.pansharpen(pan, given["ms"])


def test_a_scene_of_nothing_says_so_when_it_is_computed() -> None:
    pan, ms = Counted(1, 256, 64, 1), Counted(4, 64, 64, 2)
    lazy = earthloom.pansharpen(pan.lazy, ms.lazy, "gsa", tile_size=64)
    pan.whole[:] = np.nan
    with pytest.raises(InputError, match="no valid pixel"):
        lazy.compute(scheduler="synchronous")


def test_a_task_is_small_and_reads_what_is_at_hand() -> None:
    from earthloom.engine.blocks import Mosaic, Part
    from earthloom.raster.memory import at_hand, image_of

    numbers = np.arange(2 * 6 * 8, dtype="uint16").reshape(2, 6, 8)
    image = image_of(da.from_array(numbers, chunks=(1, 4, 4)), "ms")
    again = pickle.loads(pickle.dumps(image))
    assert len(pickle.dumps(image)) < 3000
    parts = [Part((band, 0, x), numbers[band : band + 1, :, x : x + 4]) for band in (0, 1) for x in (0, 4)]
    window = Window(2, 1, 3, 6)
    with at_hand({"ms": Mosaic(2, Window(0, 0, 6, 8), tuple(parts))}):
        data, valid = again.read(window)
    np.testing.assert_array_equal(data, numbers[:, 2:5, 1:7])
    np.testing.assert_array_equal(data, image.read(window)[0])
    assert valid.all()
    with pytest.raises(IndexError, match="outside"), at_hand({"ms": Mosaic(2, Window(0, 0, 4, 8), tuple(parts))}):
        again.read(window)


IMAGES = {
    "pansharpen": "ms", "predict": "coarse", "superresolve": "cube", "align": "source", "decloud": "optical",
    "sharpen": "coarse",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_verbs_are_methods_of_an_image(case: Case, tmp_path: Path) -> None:
    import earthloom.xarray  # noqa: F401

    given = labelled(case.inputs(tmp_path), {"y": 64, "x": 64})
    wanted = called(case, given)
    image = given.pop(IMAGES[case.verb])
    product = getattr(image.earthloom, case.verb)(**given, **case.fields, tile_size=32)
    assert isinstance(product.data, da.Array)
    xarray.testing.assert_identical(product.compute(), wanted.compute())


def test_methods_have_the_signature_of_their_verb(tmp_path: Path) -> None:
    import inspect

    from earthloom.xarray import Accessor

    own = list(inspect.signature(Accessor.pansharpen).parameters)  # type: ignore[attr-defined]
    assert own[:3] == ["self", "pan", "method"] and "ms" not in own
    assert "which is ``ms``. Sharpen" in (Accessor.pansharpen.__doc__ or "")  # type: ignore[attr-defined]
    ms = labelled(CASES[0].inputs(tmp_path)["ms"])
    with pytest.raises(TypeError, match="pan"):
        ms.earthloom.pansharpen()
    with pytest.raises(InputError, match="output= with arrays"):
        ms.to_dataset(name="ms").earthloom.superresolve(ratio=2, output="x.tif")
