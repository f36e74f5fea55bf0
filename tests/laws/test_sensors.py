"""Sensor files: every number has a source, names lead to them, and a wrong file says which key is wrong."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthloom import sensors
from earthloom.errors import SensorError
from earthloom.sensors.files import fold
from earthloom.sensors.labels import label_keys
from earthloom.sensors.parse import parse

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "src/earthloom/sensors/data"
ALL = sorted(path.stem for path in DATA.glob("*.toml"))
SENSORS = {name: sensors.load(DATA / f"{name}.toml") for name in ALL}
ASKED_FOR = {
    "quickbird",
    "ikonos",
    "geoeye1",
    "worldview2",
    "worldview3",
    "worldview4",
    "pleiades",
    "spot6",
    "spot7",
    "gaofen1_pms",
    "gaofen1_wfv",
    "gaofen2",
    "landsat7",
    "landsat8",
    "landsat9",
    "sentinel2a",
    "sentinel2b",
    "sentinel2c",
    "modis",
    "viirs",
    "prisma",
    "enmap",
    "emit",
    "desis",
    "hyperion",
    "ali",
    "generic",
}
PARSED = patch("earthloom.sensors.registry.parse", cache(parse))  # hundreds of names: each file is read once
LABELS = [(name, label) for name, sensor in SENSORS.items() for label in (name, *sensor.aliases)]

# MTF gains at Nyquist of the MATLAB toolbox (Vivone et al. 2015, 2021): bands, PAN
TOOLBOX = {
    "quickbird": ([0.34, 0.32, 0.30, 0.22], 0.15),
    "ikonos": ([0.26, 0.28, 0.29, 0.28], 0.17),
    "geoeye1": ([0.23] * 4, 0.16),
    "worldview4": ([0.23] * 4, 0.16),
    "worldview2": ([0.35] * 7 + [0.27], 0.11),
    "worldview3": ([0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315], 0.14),
    "gaofen2": ([0.3] * 4, 0.15),
}


@pytest.fixture(autouse=True)
def _no_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHLOOM_SENSORS", raising=False)


def test_every_sensor_asked_for_is_there():
    assert set(sensors.names()) >= ASKED_FOR
    assert sensors.names() == ALL


@pytest.mark.parametrize("name", ALL)
def test_every_number_has_a_source_and_is_sane(name):
    sensor = SENSORS[name]
    assert sensor.title and sensor.name == name
    groups = {"mtf_nyquist"}
    every = [*sensor.bands, *([sensor.pan] if sensor.pan else [])]
    if sensor.bands:
        groups |= {"wavelengths", "gsd_m"}
        assert all(band.centre_nm and band.fwhm_nm for band in every)
        assert all(gsd and 0.2 < gsd <= 1000 for gsd in sensor.gsd_m)
        assert len(sensor.gsd_m) == len(sensor.numbers) == len(sensor.bands)
    if sensor.bit_depth:
        groups.add("bit_depth")
    if sensor.srf:
        groups.add("srf")
    assert groups <= set(sensor.sources), f"no source for {groups - set(sensor.sources)}"
    assert all(len(text) > 15 or "bit" in text for text in sensor.sources.values())
    for band in every:
        assert 0.05 < band.mtf_nyquist < 0.5
        if band.centre_nm and band.fwhm_nm:
            assert 350 <= band.centre_nm <= 2580
            assert 3 <= band.fwhm_nm <= 450


@pytest.mark.parametrize("name", ALL)
def test_band_names_and_numbers_are_unique(name):
    sensor = SENSORS[name]
    keys = [key for row in zip(sensor.band_names, sensor.numbers, strict=True) for key in label_keys(*row)]
    assert len(keys) == len(set(keys)) >= len(sensor.bands)


@pytest.mark.parametrize("name", [name for name in ALL if SENSORS[name].pan and SENSORS[name].bands])
def test_ratio_is_that_of_the_pixels(name):
    sensor = SENSORS[name]
    assert sensor.ratio is not None and sensor.pan_gsd_m is not None
    assert all(gsd is not None and abs(gsd / sensor.pan_gsd_m - sensor.ratio) < 0.03 for gsd in sensor.gsd_m)


@pytest.mark.parametrize("name", TOOLBOX)
def test_mtf_of_the_toolbox(name):
    bands, pan = TOOLBOX[name]
    sensor = SENSORS[name]
    assert [band.mtf_nyquist for band in sensor.bands] == bands
    assert sensor.pan is not None and sensor.pan.mtf_nyquist == pan


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("WV3", "worldview3"),
        ("wv-3", "worldview3"),
        ("World View 3", "worldview3"),
        ("QB", "quickbird"),
        ("IK", "ikonos"),
        ("GE1", "geoeye1"),
        ("S2A", "sentinel2a"),
        ("L8", "landsat8"),
        ("GF2", "gaofen2"),
        ("OLI", "landsat8"),
        ("LC09", "landsat9"),
        ("none", "generic"),
        (None, "generic"),
    ],
)
def test_aliases(label, name):
    assert sensors.load(label).name == name


def test_labels_do_not_collide():
    owner: dict[str, str] = {}
    for name, label in LABELS:
        assert owner.setdefault(fold(label), name) == name, f"{label} of {name} and {owner[fold(label)]}"


@PARSED
@given(st.sampled_from(LABELS), st.randoms(use_true_random=False))
def test_labels_are_found_however_they_are_written(row, random):
    name, label = row
    written = "".join(
        random.choice("-_ " if random.random() < 0.2 else [""]) + random.choice([c.upper(), c.lower()]) for c in label
    )
    assert sensors.load(written).name == name


@PARSED
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=30))
def test_any_other_name_is_refused_clearly(text):
    if fold(text) in {fold(label) for _, label in LABELS}:
        return
    with pytest.raises(SensorError, match="there is no sensor") as caught:
        sensors.load(text + "?")
    assert "worldview3" in str(caught.value) or "did you mean" in str(caught.value)


def test_a_near_miss_gets_a_suggestion():
    with pytest.raises(SensorError, match="did you mean 'worldview3'"):
        sensors.load("wordlview3")


def test_select_by_name_and_number():
    landsat = SENSORS["landsat8"]
    chosen = sensors.select(landsat, ["B5", "red", "b03", 2])
    assert chosen.band_names == ("nir", "red", "green", "blue")
    assert chosen.numbers == ("B5", "B4", "B3", "B2")
    assert chosen.gsd_m == (30.0,) * 4 and chosen.pan == landsat.pan
    assert sensors.select(SENSORS["sentinel2a"], ["B8A", "B08", 11]).band_names == ("narrow_nir", "nir", "swir1")
    assert sensors.select(SENSORS["prisma"], ["V66", "S173"]).band_names == ("vnir_66", "swir_173")


def test_select_refuses_what_is_not_there():
    with pytest.raises(SensorError, match=r"no band 'yelow'.*did you mean 'yellow'"):
        sensors.select(SENSORS["worldview3"], ["yelow"])
    with pytest.raises(SensorError, match="twice"):
        sensors.select(SENSORS["landsat8"], ["red", "B4"])


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("worldview2", 4, ["blue", "green", "red", "nir1"]),
        ("worldview3", 4, ["blue", "green", "red", "nir1"]),
        ("worldview3", 8, ["coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2"]),
        ("quickbird", 4, ["blue", "green", "red", "nir"]),
        ("landsat7", 6, ["blue", "green", "red", "nir", "swir1", "swir2"]),
        ("landsat8", 4, ["blue", "green", "red", "nir"]),
        ("landsat8", 6, ["blue", "green", "red", "nir", "swir1", "swir2"]),
        ("landsat8", 7, ["coastal", "blue", "green", "red", "nir", "swir1", "swir2"]),
        ("landsat9", 8, ["coastal", "blue", "green", "red", "nir", "swir1", "swir2", "cirrus"]),
        ("sentinel2b", 4, ["blue", "green", "red", "nir"]),
        ("sentinel2b", 6, ["rededge1", "rededge2", "rededge3", "narrow_nir", "swir1", "swir2"]),
        ("spot7", 3, ["band_1", "band_2", "band_3"]),
        ("generic", 2, ["band_1", "band_2"]),
    ],
)
def test_match_bands_by_count(name, count, expected):
    bands = sensors.match_bands(SENSORS[name], count)
    assert [band.name for band in bands] == expected


def test_matched_bands_keep_their_mtf():
    bands = sensors.match_bands(SENSORS["worldview3"], 4)
    assert [band.mtf_nyquist for band in bands] == [0.355, 0.360, 0.365, 0.335]


def test_match_bands_by_name():
    bands = sensors.match_bands(SENSORS["landsat7"], 4, ["red", "green", "blue", "B4"])
    assert [band.name for band in bands] == ["red", "green", "blue", "nir"]
    own = sensors.match_bands(SENSORS["generic"], 2, ["vv", "vh"])
    assert [(band.name, band.mtf_nyquist) for band in own] == [("vv", 0.3), ("vh", 0.3)]


@pytest.mark.parametrize(
    ("name", "count", "names", "message"),
    [
        ("worldview3", 5, None, "could be any of the 8 bands.*4 or 8 bands.*name the bands"),
        ("quickbird", 8, None, "more than the 4 bands"),
        ("quickbird", 0, None, "at least one band"),
        ("quickbird", 4, ["red"], "1 band names for an image of 4"),
        ("generic", 2, ["a", "A"], "differ"),
    ],
)
def test_match_bands_refuses(name, count, names, message):
    with pytest.raises(SensorError, match=message):
        sensors.match_bands(SENSORS[name], count, names)


@given(st.sampled_from(ALL), st.integers(1, 300))
def test_matching_gives_the_count_or_an_error(name, count):
    try:
        bands = sensors.match_bands(SENSORS[name], count)
    except SensorError:
        assert name != "generic" and count != len(SENSORS[name].bands)
    else:
        assert len(bands) == count == len({band.name for band in bands})


def test_sensors_travel_to_other_processes():
    sensor = SENSORS["worldview3"]
    assert pickle.loads(pickle.dumps(sensor)) == sensor
    assert hash(sensor) == hash(SENSORS["worldview3"])


MINE = """
title = "Mine"
aliases = ["my-sat"]
ratio = 4
bands = [{ name = "a", number = "B1", gsd_m = 2, mtf_nyquist = 0.3 }, { name = "b", mtf_nyquist = 0.25 }]
[pan]
gsd_m = 0.5
mtf_nyquist = 0.15
"""


def test_a_users_file_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    sensor = sensors.load(path)
    assert sensor == sensors.load(str(path))
    assert sensor.band_names == ("a", "b") and sensor.gsd_m == (2.0, None) and sensor.name == "mine"


def test_a_users_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(MINE)
    (tmp_path / "landsat8.toml").write_text(MINE.replace("my-sat", "own-landsat"))
    (tmp_path / "broken.toml").write_text("title = ")
    monkeypatch.setenv("EARTHLOOM_SENSORS", str(tmp_path))
    assert {"mine", "broken", "worldview3"} <= set(sensors.names())
    assert sensors.load("MySat").name == "mine"
    assert sensors.load("landsat8").title == "Mine"  # one's own goes first
    assert sensors.load("WV3").name == "worldview3"  # a broken neighbour does no harm
    with pytest.raises(SensorError, match=r"broken\.toml is not a TOML file"):
        sensors.load("broken")
    monkeypatch.setenv("EARTHLOOM_SENSORS", str(tmp_path / "nowhere"))
    with pytest.raises(SensorError, match=r"EARTHLOOM_SENSORS.*not a folder"):
        sensors.names()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Mine"', "", "title is missing"),
        ('title = "Mine"', 'titel = "Mine"', "title is missing.*'titel' is there"),
        ("mtf_nyquist = 0.25", "mtf_nyquist = 3", r"bands\[1\]\.mtf_nyquist is 3; expected a number between 0 and 1"),
        ("mtf_nyquist = 0.25", "mtf_nyquist = nan", r"bands\[1\]\.mtf_nyquist is nan"),
        ("mtf_nyquist = 0.25", "mtf_nyquist = true", r"bands\[1\]\.mtf_nyquist is True"),
        ("mtf_nyquist = 0.25", "mtf = 0.25", r"bands\[1\]\.mtf_nyquist is missing.*'mtf' is there"),
        ("gsd_m = 2,", "gsd = 2,", r"bands\[0\]\.gsd is not a known key.*did you mean 'gsd_m'"),
        ("gsd_m = 2,", "centre_nm = 0.48,", r"bands\[0\]\.centre_nm is 0\.48"),
        ('name = "b"', 'name = "A"', "share the label 'a'"),
        ('name = "b"', 'name = "b", number = "01"', "share the label '#1'"),
        ("gsd_m = 0.5", "gsd_m = 1.0", "ratio is 4, but gsd_m.* is 2"),
        ("ratio = 4", 'ratio = "4"', "ratio is '4'"),
        ("ratio = 4", 'ratio = 4\nsrf = "no.csv"', "srf is 'no.csv', and there is no such file"),
        ("ratio = 4", "ratio = 4\nbit_depth = 11.5", "bit_depth is 11.5; expected a whole number"),
        ("[pan]", "[subsets]\nx = ['c']\n[pan]", r"subsets\.x names 'c'"),
        ("[pan]", "[subsets]\nx = ['a', 'b']\n[pan]", "as many as all bands"),
        ("[pan]", "[any_band]\nmtf_nyquist = 0.3\n[pan]", "any_band stands beside bands"),
        ("[pan]", "[source]\ngsd_m = 3\n[pan]", r"source\.gsd_m is 3; expected a text"),
        ("[pan]", "[pann]", "pann is not a known key.*did you mean 'pan'"),
        ("[pan]", "[[pan]]", "pan is .* expected a table"),
    ],
)
def test_a_wrong_file_names_the_key(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    assert old in MINE
    path.write_text(MINE.replace(old, new, 1))
    with pytest.raises(SensorError, match=message):
        sensors.load(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SensorError, match="there is no sensor file"):
        sensors.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count = 3", r"band_ranges\[0\]\.start_nm is missing"),
        ("centres_nm = [500, 5]", r"centres_nm\[1\] is 5"),
        ("centres_nm = [500, 510]\nfwhm_nm = [5]", "fwhm_nm has 1 numbers"),
        ("centres_nm = 500", "centres_nm has 0 numbers"),
    ],
)
def test_a_wrong_range_names_the_key(tmp_path, text, message):
    path = tmp_path / "hyper.toml"
    path.write_text(f'title = "H"\n[[band_ranges]]\nprefix = "v"\nmtf_nyquist = 0.3\n{text}\n')
    with pytest.raises(SensorError, match=message):
        sensors.load(path)


def test_hyperspectral_ranges():
    prisma = SENSORS["prisma"]
    assert len(prisma.bands) == 66 + 173
    assert prisma.bands[0].centre_nm == 400 and prisma.bands[65].centre_nm == pytest.approx(1010)
    assert prisma.bands[-1].centre_nm == pytest.approx(2505) and prisma.ratio == 6


def test_the_examples_of_the_docs_load(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/sensors.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "mysat.toml").write_text(blocks[0], encoding="utf-8")
    sensor = sensors.load(tmp_path / "mysat.toml")
    assert len(sensor.bands) == 4 and sensor.pan is not None and sensor.ratio == 4
    assert [band.name for band in sensors.match_bands(sensor, 3)] == ["red", "green", "blue"]
    (tmp_path / "hyper.toml").write_text(blocks[1], encoding="utf-8")
    assert len(sensors.load(tmp_path / "hyper.toml").bands) == 90
    (tmp_path / "mysat.toml").write_text(blocks[0].replace("mtf_nyquist = 0.28", "mtf_nyquist = 3"))
    with pytest.raises(
        SensorError, match=r"mysat\.toml: bands\[2\]\.mtf_nyquist is 3; expected a number between 0 and 1"
    ):
        sensors.load(tmp_path / "mysat.toml")


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from earthloom import sensors; sensors.names(); "
        "print([m for m in ('numpy', 'scipy', 'jaxtyping', 'tomllib', 'rasterio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shipped_data_is_small():
    srf = DATA.parent / "srf"
    assert sum(path.stat().st_size for path in srf.iterdir()) < 350_000
    named = (srf / "README.md").read_text(encoding="utf-8")
    assert all(path.stem.rstrip("0123456789") in named for path in srf.glob("*.csv"))
