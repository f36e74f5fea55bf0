"""Networks as ONNX: what is written computes what torch does, says what it is, and runs as a method again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earthloom
from earthloom.errors import EarthloomError, FileError, InputError, MethodError
from earthloom.methods import catalog
from earthloom.methods.networks.exporting import graph_of
from earthloom.problems.superresolution import observation, on_grid
from earthloom.types import Band, Observation
from earthloom.weights.store import read_header
from tests.contract.conftest import make_scene
from tests.e2e.conftest import Cli

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
from bench.device import scene  # noqa: E402

SMALL: dict[str, dict[str, Any]] = {  # networks of ours, as small as they can be built
    "pansharpening/cf2n": {"width": 8, "fusions": 1}, "pansharpening/coarse_cnn": {"width": 8, "blocks": 1},
    "pansharpening/fusionnet": {}, "pansharpening/hpm_cnn": {"width": 8, "blocks": 1}, "pansharpening/pannet": {},
    "pansharpening/pnn": {}, "sharpening/line_cnn": {"width": 8, "blocks": 1},
    "superresolution/coarsr": {"width": 8}, "superresolution/edsr": {"width": 8, "blocks": 1},
    "superresolution/sfcsr": {"width": 8}, "superresolution/fcnn3d": {}, "cloud_removal/cf2n": {"width": 8},
    "cloud_removal/cloud_unet": {"width": 8}, "spatiotemporal/stfgan": {"width": 8, "coarse_blocks": 1},
    "spatiotemporal/stfdcnn": {"width": 4}, "bandpass/unet_lut": {"width": 2}, "bandpass/unet_lut_x": {"width": 2},
}  # fmt: skip
EXACT = 1e-4


def weights_of(key: str, folder: Path) -> Path:
    """A small network with random weights, none of them zero, in a file."""
    problem, name = key.split("/")
    fitted = catalog.make(name, problem, **SMALL[key]).fresh(scene(problem, 96))  # type: ignore[attr-defined]
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fitted.trained.module.parameters():
            if not parameter.any():
                parameter.copy_(0.02 * torch.randn(parameter.shape, generator=draw))
    return fitted.save(folder / f"{name}.safetensors", licence="CC0", not_for="anything")


@pytest.mark.parametrize("key", SMALL)
def test_a_graph_is_what_torch_computes_on_any_size(key: str, tmp_path: Path) -> None:
    """The comparison on other sizes, bands and batches is part of the writing."""
    path = weights_of(key, tmp_path)
    found = earthloom.export(key, tmp_path / "net.onnx", weights=str(path), bands=6)
    assert found.differs < EXACT
    session = onnxruntime.InferenceSession(found.path)
    for one, port in zip(session.get_inputs(), found.about["inputs"], strict=True):
        assert one.name == port["name"]
        fixed = [size for size in one.shape[2:] if isinstance(size, int)]
        assert not fixed or port["flat"]
        assert isinstance(one.shape[1], int) != port["each"]
    about = json.loads(session.get_modelmeta().custom_metadata_map["earthloom_graph"])
    assert about["method"] == key and about["licence"] == "CC0" and about["not_for"] == "anything"
    assert len(about["weights_sha256"]) == 64 and about["halo_px"] > 0


@pytest.mark.parametrize("key", [key for key in SMALL if key.split("/")[0] in ("pansharpening", "sharpening")])
def test_a_network_of_ours_runs_from_its_file_as_from_its_weights(key: str, tmp_path: Path) -> None:
    problem, name = key.split("/")
    path = weights_of(key, tmp_path)
    file = earthloom.export(key, tmp_path / "net.onnx", weights=str(path)).path
    same_by_both(problem, name, path, file)


def test_a_cube_network_of_ours_runs_from_its_file_as_from_its_weights(tmp_path: Path) -> None:
    path = weights_of("superresolution/coarsr", tmp_path)
    file = earthloom.export("coarsr", tmp_path / "net.onnx", weights=str(path), bands=16).path
    same_by_both("superresolution", "coarsr", path, file)
    less = earthloom.export("coarsr", tmp_path / "less.onnx", weights=str(path), bands=6).path
    with pytest.raises(MethodError, match="as many bands"):
        catalog.make(f"onnx:{less}", "superresolution").ready(scene("superresolution", 96))
    ready = catalog.make(f"onnx:{file}", "superresolution").ready(scene("superresolution", 96))
    for other, words in ((make_cube(6, 4), "6 channels of hs .*expected 16"), (make_cube(16, 2), "at 2:1")):
        with pytest.raises(MethodError, match=words):
            ready.check(other, other.shape)


def make_cube(bands: int, ratio: int) -> Observation:
    """A cube of other bands, or to be enlarged by another ratio."""
    cube = np.random.default_rng(0).random((bands, 24, 24)).astype(np.float32)
    kinds = tuple(Band(f"b{i}", 450.0 + 10 * i) for i in range(bands))
    return observation(on_grid(cube, np.ones(cube.shape[1:], bool), kinds, ratio))


def same_by_both(problem: str, name: str, path: Path, file: Path) -> None:
    from earthloom.engine.job import fuse_array
    from earthloom.engine.passes import fuse_whole
    from earthloom.engine.scene import ArrayScene

    obs = scene(problem, 128)
    there = catalog.make(name, problem, weights=str(path)).ready(obs)
    here = catalog.make(f"onnx:{file}", problem).ready(obs)
    want, got = fuse_whole(there, obs), fuse_whole(here, obs)
    np.testing.assert_allclose(got, want, atol=EXACT * np.ptp(want), rtol=0)
    tiled = fuse_array(here, ArrayScene(obs), 48).data
    np.testing.assert_allclose(tiled, got, atol=2e-5 * np.ptp(want), rtol=0)
    holed = ArrayScene(with_holes(obs))
    want, got = (fuse_array(one, holed, 48) for one in (there, here))
    np.testing.assert_array_equal(got.valid, want.valid)
    seen = want.valid
    assert 0.5 < seen.mean() < 1
    np.testing.assert_allclose(
        got.data[:, seen], want.data[:, seen], atol=EXACT * np.ptp(want.data[:, seen]), rtol=0
    )  # fmt: skip
    assert here.parameters["weights"] == file.name and len(here.parameters["weights_sha256"]) == 64
    assert catalog.name_of(here) == name


def with_holes(obs: Observation) -> Observation:
    """Nothing is known of a block of every image, and of a stripe along its border."""
    views = {}
    for role, view in obs.views.items():
        data, valid, side = view.data.copy(), view.valid.copy(), view.shape[0]
        valid[side // 4 : side // 2, side // 3 : side // 2] = valid[:, -side // 8 :] = False
        data[:, ~valid] = np.nan
        views[role] = replace(view, data=data, valid=valid)
    return replace(obs, views=views)


def test_a_fixed_tile_and_the_keys_of_deepness(tmp_path: Path) -> None:
    """One image of one size, one number per key as JSON: what that plug-in can read."""
    path = weights_of("superresolution/edsr", tmp_path)
    found = earthloom.export("edsr", tmp_path / "net.onnx", weights=str(path), bands=3, tile=24)
    session = onnxruntime.InferenceSession(found.path)
    assert session.get_inputs()[0].shape == [1, 3, 24, 24] and session.get_outputs()[0].shape == [1, 3, 96, 96]
    told = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert told["model_type"] == "Superresolution" and told["tile_size"] == 24 and told["tiles_overlap"] > 0
    other = earthloom.export("edsr", tmp_path / "other.onnx", weights=str(path), bands=16, tile=24)
    with pytest.raises(MethodError, match="dynamic height"):
        catalog.make(f"onnx:{other.path}", "superresolution").ready(scene("superresolution", 96))


@pytest.mark.slow
def test_shipped_weights_through_a_verb(tmp_path: Path) -> None:
    """CF2N on the sample, by torch and from its file, whole and in tiles, with provenance."""
    sample = earthloom.load_sample()
    file = earthloom.export("cf2n", tmp_path / "net.onnx", problem="pansharpen", weights="generic_4to1").path
    images = sample.pan[:256, :256], sample.ms[:4, :64, :64]
    want = earthloom.pansharpen(*images, method="cf2n")
    for more in ({}, {"tile_size": 128}):
        got = earthloom.pansharpen(*images, method=f"onnx:{file}", **more)
        np.testing.assert_allclose(got, want, atol=EXACT * np.ptp(want), rtol=0)


def test_a_graph_that_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earthloom.methods.networks import exporting

    path = weights_of("pansharpening/pnn", tmp_path)
    monkeypatch.setattr(exporting, "CLOSE", 0.0)
    with pytest.raises(MethodError, match="differs from torch"):
        earthloom.export("pnn", tmp_path / "net.onnx", weights=str(path))
    assert not (tmp_path / "net.onnx").exists()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    place = tmp_path / "net.onnx"
    for arguments, words in (
        (("gsa", place), "formulas are no graphs"), (("onnx", place), "formulas are no graphs"),
        (("cf2n", place), "cloud_removal and pansharpening"), (("pansharpen/cf2n", place), "generic_4to1"),
        (("pnn", place), "weights of your own"), (("hpm_cnn", tmp_path / "net.pt"), "ONNX"),
        (("coarsr", place), "cubes_2to1"), (("nosuch", place), "no pansharpening method"),
    ):  # fmt: skip
        with pytest.raises(EarthloomError, match=words):
            earthloom.export(*arguments)
    with pytest.raises(MethodError, match="`bands`"):
        earthloom.export("coarsr", place, weights="cubes_2to1")
    with pytest.raises(MethodError, match="weights of pansharpening/pnn"):
        earthloom.export("pnn", place, weights="any_sensor")
    with pytest.raises(InputError, match="0 for any size"):
        earthloom.export("hpm_cnn", place, tile=-1)
    place.write_bytes(b"")
    with pytest.raises(FileError, match="exists"):
        earthloom.export("hpm_cnn", place)
    assert not [path for path in tmp_path.iterdir() if path != place]


def test_a_network_of_others_is_left_to_them() -> None:
    header = replace(read_header("any_sensor"), method="pansharpening/dlpan", fields={})
    with pytest.raises(MethodError, match="a network of ours"):
        graph_of(header)


def test_fields_that_the_file_knows_are_refused(tmp_path: Path) -> None:
    path = weights_of("pansharpening/pnn", tmp_path)
    file = earthloom.export("pnn", tmp_path / "net.onnx", weights=str(path)).path
    with pytest.raises(MethodError, match="leave them out"):
        catalog.make(f"onnx:{file}", peak=2047.0).ready(make_scene())
    with pytest.raises(MethodError, match="network of pansharpening"):
        catalog.make(f"onnx:{file}", "superresolution").ready(scene("superresolution", 96))
    other = make_scene(bands=5)
    with pytest.raises(MethodError, match="5 bands"):
        catalog.make(f"onnx:{file}").ready(other)


def test_the_command(tmp_path: Path, cli: Cli) -> None:
    path = weights_of("pansharpening/pnn", tmp_path)
    place = tmp_path / "net.onnx"
    done = cli("export", "pnn", "--weights", path, "-o", place)
    assert done.code == 0 and "differs from torch" in done.out and place.is_file()
    done = cli("export", "pnn", "--weights", path, "-o", place)
    assert done.code == 2 and "--overwrite" in done.err and done.err.count("\n") == 1
    told = json.loads(cli("export", "pnn", "--weights", path, "-o", place, "--overwrite", "--json").out)
    assert told["method"] == "pansharpening/pnn" and told["differs"] < EXACT
