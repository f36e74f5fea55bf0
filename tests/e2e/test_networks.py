"""Networks as a user meets them: weights that fit or do not, files that are not weights, adapting to a scene."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import earthloom
from earthloom.engine.job import fuse_array
from earthloom.engine.scene import ArrayScene
from earthloom.errors import EarthloomWarning, InputError, MethodError
from earthloom.methods import catalog
from earthloom.training import adapt as adapting
from earthloom.training.adapt import adapt
from earthloom.training.loop.loop import DivergedError, Result
from earthloom.training.scene_task import AdaptTask, observed
from earthloom.types import Observation
from earthloom.weights import store as weights
from tests.contract.conftest import make_scene
from tests.e2e.conftest import Cli, Pair, fine_truth, get, random_weights
from tests.e2e.conftest import observed as seen
from tests.e2e.test_bad_input import refused

Make = Callable[..., Pair]
SMALL = {"width": 8, "blocks": 1}
FLAGS = ("--width", 8, "--blocks", 1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def none_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of shipped weights of our own."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(weights, "FOLDER", folder)
    weights._shipped.cache_clear()
    yield folder
    weights._shipped.cache_clear()


# Which weights


def test_no_weights_fit(cli: Cli, pair: Make, none_shipped: Path) -> None:
    """The message says what there is, what is needed, and that --adapt helps."""
    files = pair()
    refused(cli(*files.arguments("-m", "cf2n")), "CF2N has no weights for 3 bands at 4:1", "--adapt", "--weights")
    random_weights(none_shipped / "landsat.safetensors", "cf2n", 6, 2)
    random_weights(none_shipped / "plain.safetensors", "pnn", 3, 4)
    weights._shipped.cache_clear()
    done = cli(*files.arguments("-m", "cf2n"))
    refused(done, "CF2N has no weights for 3 bands at 4:1", "landsat (6 bands at 2:1)")
    assert "plain" not in done.err and files.untouched()


def test_shipped_weights_that_fit_are_taken_and_told(cli: Cli, pair: Make, none_shipped: Path) -> None:
    for name, bands in (("four", 4), ("three", 3)):
        random_weights(none_shipped / f"{name}.safetensors", "cf2n", bands)
    weights._shipped.cache_clear()
    files = pair()
    done = cli(*files.arguments("-m", "cf2n"))
    assert done.code == 0 and "CF2N with weights 'three'" in done.err and "3 bands at 4:1" in done.err
    named = cli(*files.arguments("-m", "cf2n", "--weights", "three", "--overwrite"))
    assert named.code == 0
    refused(cli(*files.arguments("-m", "cf2n", "--width", 8, "--overwrite")), "no weights")  # another network
    refused(cli(*files.arguments("-m", "cf2n", "--weights", "thre", "--overwrite")), "no weights 'thre'", "four, three")


NM = {"rgb": (480.0, 560.0, 660.0), "infrared": (860.0, 1610.0, 2200.0)}
UNFIT: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "bands": ({"bands": 4}, ("a scene of 3 bands at 4:1", "expected 4 bands at 4:1", "--adapt")),
    "one band": ({"bands": 1}, ("3 bands at 4:1", "1 band at 4:1")),
    "ratio": ({"ratio": 2}, ("a scene of 3 bands at 4:1", "3 bands at 2:1")),
    "wavelengths": ({"bands": NM["infrared"]}, ("blue 482.6 nm", "b1 860 nm", "b3 2200 nm")),
    "method": ({"name": "pannet"}, ("pansharpening/pannet", "pansharpening/coarse_cnn", "the method pannet")),
}


@pytest.mark.parametrize("case", UNFIT)
def test_weights_that_do_not_fit(case: str, cli: Cli, pair: Make, tmp_path: Path) -> None:
    change, words = UNFIT[case]
    path = random_weights(tmp_path / "w.safetensors", **{"name": "coarse_cnn", **SMALL, **change})
    files = pair(of_ms={"descriptions": ("blue", "green", "red")})
    told = ["--sensor", sensor_file(tmp_path)] if case == "wavelengths" else []
    done = cli(*files.arguments("-m", "coarse_cnn", "--weights", path, *told))
    refused(done, *words)
    assert files.untouched()
    refused(cli(*files.arguments("-m", "coarse_cnn", "--weights", path, "--adapt", *told)), *words[:1])


def sensor_file(folder: Path) -> Path:
    """A sensor of three bands with wavelengths."""
    path = folder / "rgb.toml"
    text = (Path(earthloom.__file__).parent / "sensors/data/landsat8.toml").read_text()
    path.write_text(text)
    return path


def test_bands_are_found_by_their_wavelengths(tmp_path: Path) -> None:
    """Weights of red, green, blue on a scene of blue, green, red: the same bands come out, in the scene's order."""
    path = random_weights(tmp_path / "rgb.safetensors", "coarse_cnn", (660.0, 560.0, 480.0), **SMALL, strength=0.1)
    obs = with_wavelengths(make_scene(bands=3, coarse=(16, 16)), (655.0, 561.0, 482.0))
    ms = obs["ms"]
    swapped = replace(ms, data=ms.data[::-1].copy(), bands=ms.bands[::-1])
    method = catalog.make("coarse_cnn", weights=str(path))
    whole = fuse_array(method, ArrayScene(obs)).data
    other = fuse_array(method, ArrayScene(replace(obs, views={**obs.views, "ms": swapped}))).data
    np.testing.assert_allclose(other[::-1], whole, rtol=1e-5)
    blindly = replace(swapped, bands=tuple(replace(band, centre_nm=None) for band in swapped.bands))
    third = fuse_array(method, ArrayScene(replace(obs, views={**obs.views, "ms": blindly}))).data
    assert np.abs(third[::-1] - whole).max() > 1  # without wavelengths the order counts


def with_wavelengths(obs: Observation, centres: tuple[float, ...]) -> Observation:
    bands = tuple(replace(band, centre_nm=nm) for band, nm in zip(obs["ms"].bands, centres, strict=True))
    return replace(obs, views={**obs.views, "ms": replace(obs["ms"], bands=bands)})


# Files that are no weights


def test_the_folder_of_a_run(cli: Cli, pair: Make, tmp_path: Path) -> None:
    random_weights(tmp_path / "myrun/weights.safetensors", "coarse_cnn", **SMALL)
    files = pair()
    done = cli(*files.arguments("-m", "coarse_cnn", "--weights", tmp_path / "myrun"))
    assert done.code == 0 and "weights 'myrun'" in done.err
    (tmp_path / "empty").mkdir()
    refused(cli(*files.arguments("-m", "pnn", "--weights", tmp_path / "empty", "--overwrite")), "no weights", "empty")


@pytest.mark.parametrize("kind", ["zip", "old", "python", "named safetensors"])
def test_pickles_are_refused_unread(kind: str, cli: Cli, pair: Make, tmp_path: Path) -> None:
    path, evil = tmp_path / "net.pth", tmp_path / "evil"
    if kind == "python":
        path.write_bytes(pickle.dumps(Touch(evil)))
    else:
        state = {"weight": torch.zeros(3), "evil": Touch(evil)}
        torch.save(state, path, _use_new_zipfile_serialization=kind != "old")
    if kind == "named safetensors":
        path = path.rename(tmp_path / "net.safetensors")
    assert zipfile.is_zipfile(path) == (kind in ("zip", "named safetensors"))
    files = pair()
    refused(cli(*files.arguments("-m", "pnn", "--weights", path)), path.name, "is a pickle", "safetensors")
    assert not evil.exists() and files.untouched()


class Touch:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _cut(path: Path, keep: float) -> None:
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


def _headed(path: Path, header: object) -> None:
    save_file(load_file(path), path, {} if header is None else {weights.KEY: header})  # type: ignore[dict-item]


def _told(path: Path, **more: Any) -> str:
    """The header of a file with more words in it."""
    with weights._opened(path) as file:
        return json.dumps({**json.loads(file.metadata()[weights.KEY]), **more})


FIELDS = {"width": 8, "blocks": 1, "blind": False}
BROKEN: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "half": (lambda p: _cut(p, 0.5), ("cannot be read", "cut short?")),
    "a few bytes": (lambda p: _cut(p, 0.001), ("cannot be read",)),
    "empty": (lambda p: p.write_bytes(b""), ("cannot be read",)),
    "text": (lambda p: p.write_text("not weights at all"), ("cannot be read",)),
    "no header": (lambda p: _headed(p, None), ("no 'earthloom' header", "earthloom train")),
    "no JSON": (lambda p: _headed(p, "{"), ("the header of w.safetensors",)),
    "a list": (lambda p: _headed(p, "[1, 2]"), ("the header of w.safetensors",)),
    "no method": (lambda p: _headed(p, "{}"), ("the header of w.safetensors", "method")),
    "newer header": (lambda p: _headed(p, _told(p, format=2)), ("unknown: format", "update earthloom")),
    "newer field": (lambda p: _headed(p, _told(p, fields={**FIELDS, "depth": 3})), ("with depth", "update earthloom")),
    "newer sizes": (
        lambda p: _headed(p, _told(p, sizes={"bands": 3, "guide": 1, "ratio": 4.0, "extra": 0, "dates": 2})),
        ("with dates", "update earthloom"),
    ),
    "value of a field": (lambda p: _headed(p, _told(p, fields={**FIELDS, "width": 1000})), ("width",)),
    "type of a field": (lambda p: _headed(p, _told(p, fields={**FIELDS, "width": "wide"})), ("width", "wide")),
    "type of a size": (lambda p: _headed(p, _told(p, sizes={"bands": "three"})), ("update earthloom",)),
    "tensors of another size": (
        lambda p: _headed(p, _told(p, fields={**FIELDS, "width": 16})),
        ("tensors of w that do not fit", "size mismatch"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_weights(case: str, cli: Cli, pair: Make, tmp_path: Path) -> None:
    harm, words = BROKEN[case]
    path = random_weights(tmp_path / "w.safetensors", "coarse_cnn", **SMALL)
    harm(path)
    files = pair()
    refused(cli(*files.arguments("-m", "coarse_cnn", "--weights", path)), *words)
    assert files.untouched()


@pytest.mark.parametrize("name", ["cf2n", "coarse_cnn", "pannet", "fusionnet"])
def test_fields_that_make_no_sense(name: str, cli: Cli, pair: Make) -> None:
    files = pair()
    for flag, value in (("width", 0), ("width", 10**6), ("blocks", -1)):
        refused(cli(*files.arguments("-m", name, f"--{flag}={value}", "--adapt")), f"{flag}={value:g}")


def test_fields_are_those_of_the_weights(cli: Cli, pair: Make, tmp_path: Path) -> None:
    """Fields need not be given beside weights; others than theirs are a mistake."""
    path = random_weights(tmp_path / "w.safetensors", "coarse_cnn", **SMALL)
    files = pair()
    refused(cli(*files.arguments("-m", "coarse_cnn", "--weights", path, "--width", 16)), "width=16", "width=8")
    assert cli(*files.arguments("-m", "coarse_cnn", "--weights", path, *FLAGS, "-q")).code == 0


def test_weights_written_anew_are_read_anew(tmp_path: Path) -> None:
    pan, ms = seen(fine_truth((32, 32)))
    path, products = tmp_path / "w.safetensors", []
    for strength in (0.02, 0.2):
        random_weights(path, "coarse_cnn", strength=strength, **SMALL)
        products.append(earthloom.pansharpen(pan, ms, "coarse_cnn", weights=str(path)))
    assert np.abs(products[0] - products[1]).max() > 1


# What comes out


def test_units_do_not_matter(tmp_path: Path) -> None:
    """Reflectance and digital numbers give the same product, and so do uint16 and float."""
    path = str(random_weights(tmp_path / "w.safetensors", "cf2n", width=8, strength=0.1))
    pan, ms = (image.round() for image in seen(fine_truth((64, 96))))
    product = earthloom.pansharpen(pan, ms, "cf2n", weights=path)
    reflectance = earthloom.pansharpen(pan * 1e-4, ms * 1e-4, "cf2n", weights=path)
    np.testing.assert_allclose(reflectance * 1e4, product, rtol=1e-4)
    stored = earthloom.pansharpen(pan.astype("uint16"), ms.astype("uint16"), "cf2n", weights=path)
    assert stored.dtype == np.uint16
    np.testing.assert_allclose(stored, product, atol=0.51)
    exp = earthloom.pansharpen(pan, ms, "exp")
    assert np.abs(product - exp).max() > 1  # the weights do something


@pytest.mark.parametrize("name", ["cf2n", "pnn"])
def test_bfloat16_is_close(name: str, tmp_path: Path) -> None:
    own = {"width": 8} if name == "cf2n" else {}
    path = str(random_weights(tmp_path / "w.safetensors", name, strength=0.05, **own))
    pan, ms = seen(fine_truth((64, 64)))
    exact, fast = (
        earthloom.pansharpen(pan, ms, name, weights=path, precision=p) for p in ("float32", "bfloat16")
    )  # fmt: skip
    exp = earthloom.pansharpen(pan, ms, "exp")
    difference = np.sqrt(((fast - exact) ** 2).mean())
    assert 0 < difference < 0.02 * np.sqrt(((exact - exp) ** 2).mean())  # of what the network adds


def test_tiles_and_threads_do_not_matter(cli: Cli, pair: Make, tmp_path: Path) -> None:
    path = random_weights(tmp_path / "w.safetensors", "cf2n", strength=0.1, width=8, window=5, fusions=1)
    pan, ms = (image.astype("float32") for image in seen(fine_truth((320, 256))))
    files = pair(pan, ms)
    command = files.arguments("-m", "cf2n", "--weights", path, "-q", "--overwrite")
    assert cli(*command, "--tile-size", 1024, "--threads", 1).code == 0
    whole = get(files.out)[0]
    assert cli(*command, "--tile-size", 100, "--threads", 2).code == 0
    np.testing.assert_allclose(get(files.out)[0], whole, atol=2e-3)


def test_history_tells_whose_weights(cli: Cli, pair: Make, tmp_path: Path) -> None:
    path = random_weights(tmp_path / "own.safetensors", "coarse_cnn", **SMALL)
    files = pair()
    assert cli(*files.arguments("-m", "coarse_cnn", "--weights", path, "-q")).code == 0
    told = json.loads(cli("info", files.out, "--json").out)["provenance"]["parameters"]
    assert (told["weights"], told["width"], told["precision"]) == ("own", 8, "float32")
    assert len(told["weights_sha256"]) == 64 and "adapted" not in told
    text = cli("info", files.out).out
    assert "weights = own" in text and f"weights_sha256 = {told['weights_sha256']}" in text


def test_without_torch(tmp_path: Path, pair: Make) -> None:
    """One line that says what to install, whether torch or safetensors is missing."""
    files = pair()
    for missing, command in (
        ("torch", files.arguments("-m", "cf2n")),
        ("safetensors", files.arguments("-m", "pnn")),
    ):
        start = f"import sys; sys.modules[{missing!r}] = None"
        code = f"{start}\nfrom earthloom.cli.main import run\nrun({[*map(str, command)]!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "pip install 'earthloom[torch]'" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert files.untouched()


# Adapting


def test_adapting_on_the_command_line(cli: Cli, pair: Make, tmp_path: Path) -> None:
    """From random weights, kept in a file that then fits the same bands; where a formula does better, it is taken."""
    files = pair(*(image.round().astype("uint16") for image in seen(fine_truth((256, 256)))))
    kept = tmp_path / "mine.safetensors"
    done = cli(
        *files.arguments("-m", "coarse_cnn", *FLAGS, "--adapt-steps", 60, "--save-weights", kept, "--threads", 1)
    )
    assert done.code == 0, done.err
    assert "the product is that of mtf_glp_hpm" in done.err and "--save-weights" in done.err
    first = get(files.out)[0]
    assert cli(*files.arguments("-m", "mtf_glp_hpm", "--refine", 10, "-q", "--overwrite")).code == 0
    np.testing.assert_array_equal(get(files.out)[0], first)
    assert cli(*files.arguments("-m", "coarse_cnn", "--weights", kept, "-q", "--overwrite")).code == 0
    told = json.loads(cli("info", files.out, "--json").out)["provenance"]["parameters"]
    assert told["weights"] == "mine" and "random weights adapted" in told["adapted"]


ADAPTED: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "classical": (("-m", "gsa", "--adapt"), ("GSA has nothing to adapt", "cf2n")),
    "refined classical": (("-m", "gsa", "--adapt", "--refine", 2), ("GSA has nothing to adapt",)),
    "saving without adapting": (("-m", "pnn", "--save-weights", "w.safetensors"), ("--adapt",)),
    "saving as a pickle": (("-m", "pnn", "--adapt", "--save-weights", "w.pth"), ("w.pth", ".safetensors")),
    "saving nowhere": (("-m", "pnn", "--adapt", "--save-weights", "nowhere/w.safetensors"), ("nowhere",)),
    "no time": (("-m", "pnn", "--adapt", "--adapt-seconds", 0), ("--adapt-seconds 0", "positive")),
    "less than no time": (("-m", "pnn", "--adapt-seconds", -3), ("--adapt-seconds -3", "positive")),
    "no steps": (("-m", "pnn", "--adapt", "--adapt-steps", 0), ("--adapt-steps 0", "positive")),
    "less than no steps": (("-m", "pnn", "--adapt-steps", -3), ("--adapt-steps -3", "positive")),
    "weights of other bands": (("-m", "pnn", "--adapt", "--weights", "w.pth"), ("no weights 'w.pth'",)),
}


@pytest.mark.parametrize("case", ADAPTED)
def test_adapting_is_refused(case: str, cli: Cli, pair: Make, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags, words = ADAPTED[case]
    files = pair()
    refused(cli(*files.arguments(*flags)), *words)
    assert files.untouched()


def test_what_can_be_refused_is_refused_before_adapting(cli: Cli, pair: Make, tmp_path: Path, monkeypatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("adapted first")

    monkeypatch.setattr(adapting, "adapt", never)
    files, kept = pair(), tmp_path / "kept.safetensors"
    kept.write_bytes(b"precious")
    command = files.arguments("-m", "pnn", "--adapt")
    refused(cli(*command, "--save-weights", kept), "kept.safetensors exists", "overwrite")
    refused(cli(*command, "--nodata", -5), "-5")
    files.out.write_bytes(b"precious")
    refused(cli(*command), "sharp.tif exists", "overwrite")
    assert files.out.read_bytes() == kept.read_bytes() == b"precious"


def test_too_small_to_adapt(cli: Cli, pair: Make) -> None:
    for side in (16, 48):
        files = pair(*(image.round().astype("uint16") for image in seen(fine_truth((side, side)))))
        refused(cli(*files.arguments("-m", "coarse_cnn", *FLAGS, "--adapt")), str(side // 4), "at least")


def network(name: str = "coarse_cnn", **fields: Any) -> Any:
    return catalog.make(name, **{**SMALL, **fields})


def better(found: adapting.Adapted, scene: ArrayScene) -> np.ndarray:
    """The product, after it was made sure that it did not get worse."""
    assert found.after["ergas"] <= found.before["ergas"] and found.after["consistency"] <= found.before["consistency"]
    product = fuse_array(found.network, scene)
    assert np.isfinite(product.data[:, product.valid]).all()
    return product.data


def _offset(obs: Observation, **views: Any) -> ArrayScene:
    return ArrayScene(replace(obs, views={**obs.views, **views}))


def toolbox_scene() -> ArrayScene:
    obs = make_scene(coarse=(41, 42), offset=2.0)
    pan, ms = obs["pan"], obs["ms"]
    pan = replace(pan, data=pan.data[:, :160, :160], valid=pan.valid[:160, :160])
    ms = replace(ms, data=ms.data[:, :40, :40], valid=ms.valid[:40, :40])
    ms = replace(ms, bands=tuple(replace(band, mtf_nyquist=0.25 + 0.04 * i) for i, band in enumerate(ms.bands)))
    return ArrayScene(Observation({"pan": pan, "ms": ms}, (160, 160), "toolbox"))


def holed_scene() -> ArrayScene:
    """Holes in both images, numbers that nothing should see in them, and a missing corner."""
    obs = make_scene(coarse=(64, 64))
    pan, ms = obs["pan"], obs["ms"]
    pv, mv = pan.valid.copy(), ms.valid.copy()
    pv[90:120, 30:70] = mv[30:36, 40:50] = mv[:10, :12] = False
    views = {role: replace(view, valid=valid, data=np.where(valid, view.data, np.float32(1e6)))
             for role, view, valid in (("pan", pan, pv), ("ms", ms, mv))}  # fmt: skip
    return _offset(obs, **views)


SCENES: dict[str, Callable[[], ArrayScene]] = {
    "holes": holed_scene,
    "toolbox": toolbox_scene,
    "ratio 2.5": lambda: ArrayScene(make_scene(2.5, coarse=(48, 44))),
    "one band": lambda: ArrayScene(make_scene(bands=1, coarse=(64, 60))),
    "half a pixel off": lambda: ArrayScene(make_scene(2, offset=1.0, coarse=(48, 44))),
}


@pytest.mark.parametrize("kind", SCENES)
def test_adapting_to(kind: str) -> None:
    scene = SCENES[kind]()
    found = adapt(network(), scene, steps=12)
    assert found.kept and found.after["ergas"] < found.before["ergas"]
    product = better(found, scene)
    exp = fuse_array(catalog.make("exp"), scene).data
    valid = np.isfinite(product).all(axis=0)
    np.testing.assert_array_equal(valid, np.isfinite(exp).all(axis=0))
    assert 0 < np.abs(product - exp)[:, valid].max() < np.ptp(exp[:, valid])
    task = AdaptTask.of(found.network, observed(found.network, scene))
    assert (task.full is None) == (kind == "ratio 2.5")  # patches of no whole ratio differ: pairs alone


def test_adapting_to_a_hyperspectral_scene() -> None:
    scene = ArrayScene(make_scene(bands=40, coarse=(36, 36)))
    found = adapt(network("cf2n", components=6, window=5), scene, steps=8)
    assert better(found, scene).shape[0] == 40
    assert found.network.trained.module.squeeze.weight.shape[:2] == (6, 40)  # type: ignore[union-attr]


def test_adapting_is_deterministic() -> None:
    scene = ArrayScene(make_scene(coarse=(40, 40)))
    one, two, other = (adapt(network(), scene, steps=12, seed=seed) for seed in (0, 0, 1))
    states = [found.network.trained.module.state_dict() for found in (one, two, other)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not torch.equal(states[0]["head.weight"], states[2]["head.weight"])
    assert one.after == two.after and one.kept


def test_steps_make_the_same_product_and_the_same_file_on_every_run(tmp_path: Path) -> None:
    """Nothing of the clock gets into the weights, what they tell of themselves, or the image."""
    pan, ms = seen(fine_truth((256, 256)))
    run: dict[str, Any] = {"adapt_steps": 15, "threads": 1, **SMALL}
    files = [tmp_path / f"{number}.safetensors" for number in (1, 2)]
    with pytest.warns(EarthloomWarning, match="the product is that of"):
        one, two = (earthloom.pansharpen(pan, ms, "coarse_cnn", save_weights=path, **run) for path in files)
    assert np.array_equal(one, two) and files[0].read_bytes() == files[1].read_bytes()
    assert not np.array_equal(one, earthloom.pansharpen(pan, ms, "exp"))


def test_steps_end_a_long_time() -> None:
    found = adapt(network(), ArrayScene(make_scene(coarse=(40, 40))), 3600.0, steps=6)
    assert found.steps == 6


def _spoil(module: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape))


def _diverge(module: torch.nn.Module) -> None:
    _spoil(module)
    raise DivergedError("the loss is nan")


def _no_numbers(module: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(float("nan"))


@pytest.mark.parametrize("harm", [_spoil, _diverge, _no_numbers])
def test_adapting_never_ends_worse(harm: Callable[[Any], None], tmp_path: Path, monkeypatch) -> None:
    def bad(module: torch.nn.Module, *_: object, **__: object) -> Any:
        harm(module)
        return Result(3, 3, 0.1)

    monkeypatch.setattr(adapting, "fit", bad)
    obs = make_scene(coarse=(40, 40))
    path = random_weights(tmp_path / "w.safetensors", "coarse_cnn", 4, **SMALL)
    method = catalog.make("coarse_cnn", weights=str(path))
    found = adapt(method, ArrayScene(obs), steps=3)  # type: ignore[arg-type]
    assert not found.kept and found.after == found.before and "found nothing surely better" in str(found)
    np.testing.assert_array_equal(
        fuse_array(found.network, ArrayScene(obs)).data, fuse_array(method, ArrayScene(obs)).data
    )
    pan, ms = obs["pan"].data[0, :160, :160], obs["ms"].data[:, :40, :40]
    with pytest.warns(EarthloomWarning, match="the product is that of"):
        product = earthloom.pansharpen(pan, ms, "coarse_cnn", adapt_steps=1, threads=1, **SMALL)
    assert found.beaten and found.rival
    name, _, steps = found.rival.partition(", refine=")
    formula = earthloom.pansharpen(pan, ms, name, refine=int(steps or 0))
    np.testing.assert_allclose(product, formula, rtol=1e-5)


def test_a_network_must_beat_formulas_beyond_chance() -> None:
    """Twice the standard error, unless it begins as a formula and is mixed with formulas."""
    obs = make_scene(coarse=(40, 40))
    found = adapt(catalog.make("coarse_cnn", **SMALL), ArrayScene(obs), steps=1)  # type: ignore[arg-type]
    own = adapt(catalog.make("hpm_cnn"), ArrayScene(obs), steps=1)  # type: ignore[arg-type]
    assert 0 < found.margin <= 1 and own.margin == 0
    near = replace(found, after={"ergas": 2.2}, ergas=2.2, rival_ergas=2.3)
    assert replace(near, margin=0.1).beaten and not replace(near, margin=0.01).beaten


def test_pieces_of_a_large_scene_fit_one_sensor_model(monkeypatch) -> None:
    """Windows of a large scene begin with whole MS pixels: what the sensor model says of the truth is the MS."""
    from earthloom.problems.pansharpening import Pansharpening

    monkeypatch.setattr(Pansharpening, "piece_px", (128, 96))
    obs = make_scene(coarse=(64, 90))
    scene = ArrayScene(replace(obs, views={**obs.views, "ms": replace(obs["ms"], offset=(2.5, 0.5))}))
    pieces = observed(network(), scene)
    assert 4 <= len(pieces) <= 12
    for piece in pieces:
        assert piece["ms"].shape == (24, 24) and piece["ms"].offset == pieces[0]["ms"].offset
        at = np.argwhere(obs["ms"].data[0] == piece["ms"].data[0, 0, 0])[0]
        low = (4 * at + np.array([2.5, 0.5]) - piece["ms"].offset).astype(int)
        rows, cols = (slice(first, first + size) for first, size in zip(low, piece.shape, strict=True))
        np.testing.assert_array_equal(piece["pan"].data, obs["pan"].data[:, rows, cols])
    found = adapt(network(), scene, steps=4)
    assert better(found, scene).shape == (4, *obs.shape)


def test_a_scene_that_is_mostly_missing() -> None:
    obs = make_scene(coarse=(40, 40))
    valid = np.zeros(obs.shape, bool)
    valid[:40, :30] = True
    pan = replace(obs["pan"], valid=valid)
    with pytest.raises(InputError, match="leave out `adapt`"):
        adapt(network(), _offset(obs, pan=pan), steps=2)


def test_methods_of_their_own_objects() -> None:
    """A network object given from Python adapts; a classical one says that it cannot."""
    pan, ms = seen(fine_truth((160, 160)))
    with pytest.warns(EarthloomWarning, match="on the blocks held out, Coarse-CNN"):
        product = earthloom.pansharpen(pan, ms, network(), adapt_steps=15, threads=1)
    assert product.shape == (3, 160, 160)
    with pytest.raises(MethodError, match="nothing to adapt"):
        earthloom.pansharpen(pan, ms, "gsa", adapt_steps=1)
    with pytest.raises(InputError, match="adapt_seconds=-1"):
        earthloom.pansharpen(pan, ms, network(), adapt_seconds=-1)
    with pytest.raises(InputError, match="adapt_steps=-1"):
        earthloom.pansharpen(pan, ms, network(), adapt_steps=-1)
