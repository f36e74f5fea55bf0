"""Texts and JSON of others: any document ends in a value or in one line, and values are of the type that was asked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthloom.documents import field, is_file, numbers, object_in, objects, parsed, short, text_of
from earthloom.errors import EarthloomError, FileError, InputError
from earthloom.prepare.bandpass.transform import FORMAT, VERSION, Transform, checksum
from earthloom.raster.listing.sights import read_sights
from earthloom.sensors.parse import parse
from earthloom.training.loop.config import Config, read_toml

pytestmark = pytest.mark.slow
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ends(read: Any, *given_: Any) -> None:
    """A value, or one line."""
    try:
        read(*given_)
    except EarthloomError as error:
        assert "\n" not in str(error)


@MANY
@given(keys=st.dictionaries(st.sampled_from(["id", "bbox", "geometry", "properties"]), PLAIN))
def test_any_stac_item_ends_well(keys: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    item = {"type": "Feature", "properties": {"datetime": "2020-01-01T00:00:00Z", "platform": "a", "eo:cloud_cover": 1}}
    path.write_text(json.dumps({**item, **keys}), "utf-8", "surrogatepass")
    ends(read_sights, [path])
    ends(read_sights, [path], (10.0, 50.0))


@MANY
@given(keys=st.dictionaries(st.sampled_from(["source", "target", "mapping", "fields", "quality", "fitted"]), PLAIN))
def test_any_transform_with_its_checksum_ends_well(keys: dict[str, Any], tmp_path: Path) -> None:
    band = {"name": "a", "centre_nm": 450.0, "fwhm_nm": None, "mtf_nyquist": 0.3}
    side = {"bands": [band], "sensor": None, "scale": [1.0], "offset": [0.0], "nodata": None}
    mix = {"matrix": [[1.0]], "constant": [0.0], "centre": [0.0], "spread": [1.0]}
    told = {"format": FORMAT, "version": VERSION, "method": "ols", "fields": {}, "source": side, "target": side,
            "mapping": {"mix": mix}, "quality": {}, "fitted": {}}  # fmt: skip
    path = tmp_path / "t.json"
    path.write_text(json.dumps({**told, "checksum": checksum(told)}), "utf-8")
    image = np.full((1, 2, 2), 0.5, np.float32)
    np.testing.assert_array_equal(Transform.load(path).apply(image), image)
    told |= keys
    path.write_text(json.dumps({**told, "checksum": checksum(told)}), "utf-8", "surrogatepass")
    ends(lambda: str(Transform.load(path)))


@MANY
@given(text=st.text(max_size=60), raw=st.binary(max_size=40))
def test_any_text_ends_well(text: str, raw: bytes, tmp_path: Path) -> None:
    for name, read in (("a.csv", lambda path: read_sights([path])), ("a.toml", parse), ("b.toml", read_toml)):
        for data in (text.encode("utf-8", "surrogatepass"), raw, b"date,sensor,cloud\n" + raw):
            (tmp_path / name).write_bytes(data)
            ends(read, tmp_path / name)


@MANY
@given(values=st.dictionaries(st.sampled_from(["steps", "lr", "loss", "seed", "keep", "threads"]), PLAIN))
def test_any_setting_ends_well(values: dict[str, Any]) -> None:
    ends(Config.of, values)


@given(value=PLAIN)
def test_a_field_is_of_the_type_that_was_asked(value: Any) -> None:
    for kind in (str, float, int, list, dict):
        try:
            found = field({"a": value}, "a", kind, "it")
        except FileError as error:
            assert "it: a" in str(error)
        else:
            assert type(found) is kind and (kind is not float or math.isfinite(found))


def test_what_numbers_are() -> None:
    np.testing.assert_array_equal(numbers({"a": [[1, 2.5], [3, 4]]}, "a", "it", 2), [[1, 2.5], [3, 4]])
    for wrong in ([[1], [1, 2]], [["1"]], [[True]], [[math.nan]], [1.0], "1", [[10**400]], None):
        with pytest.raises(FileError, match="it: a"):
            numbers({"a": wrong}, "a", "it", 2)
    with pytest.raises(FileError, match="a list of objects"):
        objects({"a": [{}, 1]}, "a", "it")
    with pytest.raises(FileError, match="a is missing"):
        field({}, "a", str, "it")
    assert field({}, "a", str, "it", optional=True) is None


def test_deep_json_is_no_crash() -> None:
    with pytest.raises(ValueError, match="deeply"):
        parsed("[" * 100_000)
    assert object_in("[" * 100_000) == object_in("[1]") == object_in("{") == {}
    assert len(short("x" * 1000)) < 70 and "many digits" in short(10**5000)


def test_encodings_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path.write_bytes("caf\u00e9".encode(encoding))
        assert text_of(path) == "caf\u00e9"
    path.write_bytes(b"a\0b")
    with pytest.raises(FileError, match="no text"):
        text_of(path)
    assert not is_file("x" * 300) and not is_file("a\0b") and is_file(path)


def test_messages_stay_in_one_line() -> None:
    """Whatever a file puts into them: line breaks, signs that a terminal obeys, thousands of digits."""
    text = str(InputError("a\nb\x1b[31m" + "9" * 5000, "c\r\nd"))
    assert text.isprintable() and len(text) < 1100 and text.startswith("a b [31m999")
