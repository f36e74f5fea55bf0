"""What holds for every format: it claims by names alone, reads by window, pickles, and lists what is its own."""

from __future__ import annotations

import builtins
import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import scipy.io

from earthloom.errors import EarthloomError, InputError
from earthloom.raster import formats
from earthloom.raster.formats import Format, bare, format_of, images_below, images_in, is_image
from earthloom.raster.image import Image
from earthloom.raster.listing.cubes import cubes_in
from earthloom.raster.open import open_image
from earthloom.raster.told import Told
from earthloom.types import Window

from .samples import SAMPLES, SHAPE, Sample

ADDRESSES = ("remote", "stac")  # lead to files of other formats, no folder lists them: tests/raster/test_remote.py
NAMES = [one.name for one in formats.formats() if one.name not in ADDRESSES]
pytestmark = pytest.mark.filterwarnings("ignore:.*lies nowhere on Earth:earthloom.errors.EarthloomWarning")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bare.SHAPES, "CIA", SHAPE)


@pytest.fixture(params=NAMES)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Format, Sample]:
    return named(request.param), SAMPLES[request.param](tmp_path)


def named(name: str) -> Format:
    return next(one for one in formats.formats() if one.name == name)


def opened(one: Format, sample: Sample, **more: object) -> Image:
    return open_image(sample.path, role="hs" if one.name == "matlab" else "ms", **more)  # type: ignore[arg-type]


def test_every_file_is_a_format_and_has_a_sample() -> None:
    folder = Path(formats.__file__).parent
    assert sorted([*NAMES, *ADDRESSES]) == sorted(path.stem for path in folder.glob("[a-z]*.py"))
    assert sorted(NAMES) == sorted(SAMPLES)
    assert [one.rank for one in formats.formats()] == sorted(one.rank for one in formats.formats())
    assert NAMES[-1] == "gdal"
    for path in folder.glob("[a-z]*.py"):
        assert not re.search(r"earthloom\.raster\.formats\.|earthloom\.raster\.open", path.read_text()), path.name


def test_it_claims_by_names_alone(sample: tuple[Format, Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    one, made = sample

    def refused(*args: object, **_: object) -> None:
        raise AssertionError(f"opens {args}")

    for module, name in ((builtins, "open"), (io, "open"), (rasterio, "open"), (h5py, "File"), (scipy.io, "loadmat")):
        monkeypatch.setattr(module, name, refused)
    assert one.claims(str(made.path)) and one.holds(made.listed) and format_of(str(made.path)) is one
    assert format_of(str(made.listed)) is one, "what a folder lists is opened by who listed it"


def test_it_reads_what_is_there(sample: tuple[Format, Sample]) -> None:
    one, made = sample
    with opened(one, made) as image:
        whole, valid = image.read()
        np.testing.assert_allclose(whole, made.numbers, rtol=1e-6)
        assert valid.all() and image.wavelengths_nm == made.wavelengths_nm and not image.flipped
        lengths = {len(image.names), len(image.wavelengths_nm), len(image.scales), len(image.offsets)}
        assert lengths == {len(made.numbers)} and image.shape == made.numbers.shape[1:]
        assert made.crs is None or (image.crs == made.crs and image.transform.almost_equals(made.transform, 1e-8))
        window = Window(5, 7, 20, 11)
        np.testing.assert_array_equal(image.read(window)[0], whole[(slice(None), *window.slices)])
        thin, _ = image.decimated(24)
        assert (
            thin.shape == (len(made.numbers), 24, 20)
            and np.isin(np.round(thin, 4), np.round(whole.astype(float), 4)).all()
        )


def test_what_is_told_wins(sample: tuple[Format, Sample]) -> None:
    """Bands by number; nodata, scale and offset whatever the format; given beside ``told``, they win over it."""
    one, made = sample
    bands, stored = (4, 2), opened(one, made, scale=1.0, offset=0.0).read()[0]
    if one.name in ("landsat_folder", "archive"):
        first, second = 3, 1  # bands 4 and 2 of Landsat 7 by their names
    elif one.name in ("sentinel2_folder", "eo1"):
        first, second = 2, 0  # whose first band in the cube is number 2
    else:
        first, second = 3, 1
    code = float(stored[first, 3, 4])
    with opened(one, made, told=Told(bands=bands, nodata=code, scale=7.0), scale=0.5, offset=2.0) as image:
        data, valid = image.read()
    expected = np.stack([stored[first], stored[second]])
    hole = (expected == code).any(axis=0)
    np.testing.assert_array_equal(valid, ~hole)
    np.testing.assert_allclose(data[:, valid], 0.5 * expected[:, valid] + 2)
    assert image.nodata == code and image.count == 2


def test_no_such_band_is_refused_in_words(sample: tuple[Format, Sample]) -> None:
    one, made = sample
    for band in (77, "ultraviolet"):
        with pytest.raises(InputError, match=f"(?i){band}", check=lambda error: "\n" not in str(error)):
            opened(one, made, bands=[band])


def test_it_reads_in_another_process(tmp_path: Path) -> None:
    """Every image, pickled before it was read and after."""
    images, expected = [], []
    for name in NAMES:
        (tmp_path / name).mkdir()
        made = SAMPLES[name](tmp_path / name)
        image = opened(named(name), made)
        images += [pickle.dumps(image)]
        image.read()
        images += [pickle.dumps(image)]
        expected += 2 * [image.read(Window(3, 2, 9, 8))[0]]
        image.close()
    code = (
        "import pickle, sys\nfrom earthloom.types import Window\n"
        "sent = pickle.load(sys.stdin.buffer)\n"
        "read = [pickle.loads(one).read(Window(3, 2, 9, 8))[0] for one in sent]\n"
        "pickle.dump(read, sys.stdout.buffer)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(images), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    for one, other in zip(pickle.loads(done.stdout), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_lists_every_image_once(tmp_path: Path) -> None:
    made = {name: SAMPLES[name](tmp_path) for name in NAMES}
    for name in ("README.txt", ".hidden.tif", "alone.hdr", "flight.dat.aux.xml"):
        (tmp_path / name).write_text("no image")
    for name in NAMES:
        one = made[name]
        assert list(named(name).within(one.listed.parent)) == [str(one.listed)], name
    here = sorted(one.listed for one in made.values() if one.listed.parent == tmp_path)
    assert images_in(tmp_path) == here and not is_image(tmp_path)
    assert sorted(images_below(tmp_path)) == sorted(one.listed for one in made.values())
    assert sorted(cubes_in(tmp_path)) == sorted(str(one.listed) for one in made.values())
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path))} of {len(made)} cubes; expected one cube"):
        open_image(tmp_path, role="hs")


def test_pictures_are_images_only_where_asked(tmp_path: Path) -> None:
    (tmp_path / "look.png").write_bytes(b"")
    (tmp_path / "a.tif").write_bytes(b"")
    assert [path.name for path in images_in(tmp_path)] == ["a.tif", "look.png"]
    assert [path.name for path in images_in(tmp_path, pictures=False)] == ["a.tif"]


def test_band_files_of_many_dates_are_a_series_not_an_image(tmp_path: Path) -> None:
    for day in ("20200308", "20200310"):
        (tmp_path / f"T31UFT_{day}T105021_B04.tif").write_bytes(b"")
    assert not is_image(tmp_path) and len(images_in(tmp_path)) == 2


def test_bands_of_several_formats_are_one_image(tmp_path: Path) -> None:
    """A file per band may be of any format; numbers go on from file to file, names are looked for in all."""
    parts = [SAMPLES[name](tmp_path) for name in ("gdal", "bare", "envi")]
    named_ = [part.path for part in parts]
    with open_image(named_, nodata=float(parts[0].numbers[0, 0, 0])) as image:
        data, valid = image.read()
        assert image.count == 18 and image.bad_bands == (17,) and len(image.paths) == 3 and not valid[0, 0]
        np.testing.assert_array_equal(data[:, valid], np.concatenate([part.numbers for part in parts])[:, valid])
        again = pickle.loads(pickle.dumps(image))
        np.testing.assert_array_equal(again.read(Window(1, 2, 8, 9))[0], data[:, 1:9, 2:11])
    with open_image(named_, bands=[7, 17, 1]) as image:
        np.testing.assert_array_equal(image.read()[0], parts[0].numbers[[0, 4, 0]])
        assert image.bad_bands == (2,)


def test_a_header_says_which_bands_are_bad(tmp_path: Path) -> None:
    with open_image(SAMPLES["envi"](tmp_path).path) as image:
        assert image.bad_bands == (5,) and image.pick([4, 0]).bad_bands == (1,)
    with open_image(tmp_path / "flight.dat", bands=[1, 5]) as image:
        assert image.bad_bands == (2,)


@pytest.mark.parametrize("suffix", [*formats.suffixes(), ".txt", ""])
def test_what_is_no_image_is_refused_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    for role in ("ms", "hs", None):
        with pytest.raises(EarthloomError, match="broken", check=lambda error: "\n" not in str(error)):
            open_image(path, role=role)
    path.write_bytes(b"nothing of the kind")
    for role in ("ms", "hs", None):
        with pytest.raises(EarthloomError, match="broken", check=lambda error: "\n" not in str(error)):
            open_image(path, role=role)


@pytest.mark.parametrize("role", ["pan", "ms", "hs", None])
def test_an_empty_folder_is_refused_in_one_line(tmp_path: Path, role: str | None) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarthloomError, match="empty holds no bands", check=lambda error: "\n" not in str(error)):
        open_image(tmp_path / "empty", role=role)


def test_a_file_that_only_has_the_name_of_bare_numbers_is_what_gdal_says(tmp_path: Path) -> None:
    path = SAMPLES["gdal"](tmp_path).path
    with open_image(path.rename(tmp_path / "product.dat")) as image:
        np.testing.assert_array_equal(image.read()[0], SAMPLES["gdal"](tmp_path).numbers)
