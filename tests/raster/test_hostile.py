"""Files that lie or lead elsewhere: refused in one line, before memory is taken and before anything is waited for."""

from __future__ import annotations

import io
import os
import struct
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

import earthloom
from earthloom.errors import FileError, InputError
from earthloom.ops.solve import least_squares
from earthloom.raster.metadata.mtl import read_groups
from earthloom.raster.open import open_image
from earthloom.raster.places import inside
from earthloom.raster.trust.policy import SETTING, allowed
from earthloom.small import LARGEST, small_bytes, xml_root
from tests.contract.formats.samples import plain

SECRET = b"what no image may show: 12345\n" * 8


def forged(path: Path, width: int, height: int, tile: int = 0, bands: int = 1, packed: int = 1) -> Path:
    """A TIFF that is a header alone: one tile or one strip, of 16 bits, at no place in the file."""
    tags = [(256, width), (257, height), (258, 16), (259, packed), (262, 1), (277, bands), (284, 1)]
    tags += [(322, tile), (323, tile), (324, 0), (325, 0)] if tile else [(273, 0), (278, height), (279, 0)]
    short = {258, 259, 262, 277, 284}
    entries = b"".join(
        struct.pack("<HHIHH", tag, 3, 1, value, 0) if tag in short else struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in tags
    )
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))
    return path


def raw_band(path: Path, source: Path, kind: str = "VRTRawRasterBand") -> Path:
    """A VRT that takes the bytes of a file for pixels."""
    path.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1" '
        f'subClass="{kind}"><SourceFilename relativeToVRT="0">{source}</SourceFilename><ImageOffset>0</ImageOffset>'
        "<PixelOffset>1</PixelOffset><LineOffset>8</LineOffset></VRTRasterBand></VRTDataset>"
    )
    return path


def vrt_of(path: Path, source: object, relative: int = 1) -> Path:
    """A VRT of one image of 4 x 4 pixels."""
    path.write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="{relative}">{source}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        ({"width": 65536, "height": 65536, "tile": 65536}, "one block of 8.0 GiB"),
        ({"width": 2**31 - 1, "height": 1}, "one block of 4.0 GiB"),
        ({"width": 1, "height": 2**31 - 1}, "pixels in [0-9,]+ blocks"),
        ({"width": 30000, "height": 30000, "packed": 5}, "one block of 1.7 GiB"),
        ({"width": 16, "height": 16, "bands": 65535}, "65,535 bands; expected at most 8,192"),
    ],
)
def test_a_header_that_claims_more_than_there_is(tmp_path: Path, shape: dict[str, int], word: str) -> None:
    with pytest.raises(FileError, match=word):
        open_image(forged(tmp_path / "x.tif", **shape))


@pytest.mark.parametrize("chunks", [None, (1, 100, 100)])
@pytest.mark.parametrize("name", ["x.h5", "x.mat"])
def test_arrays_that_nobody_wrote(tmp_path: Path, name: str, chunks: tuple[int, ...] | None) -> None:
    with h5py.File(tmp_path / name, "w") as file:
        file.create_dataset("ms", (8, 9000, 9000), "f8", chunks=chunks)
    with pytest.raises(FileError, match=r"claims the array ms of 4\.8 GiB in 1,400 bytes"):
        open_image(f"{tmp_path / name}:ms")


def test_a_stack_that_nobody_wrote(tmp_path: Path) -> None:
    from earthloom.raster.listing.samples import open_stack

    with h5py.File(tmp_path / "train.h5", "w") as file:
        file.create_dataset("ms", (3, 8, 4096, 4096), "f8", chunks=(1, 1, 64, 64))
        file.create_dataset("pan", (3, 1, 16384, 16384), "f8", chunks=(1, 1, 64, 64))
    with pytest.raises(FileError, match="claims the array"):
        open_stack(tmp_path / "train.h5")


def test_a_matlab_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    def element(kind: int, raw: bytes) -> bytes:
        return struct.pack("<II", kind, len(raw)) + raw + bytes(-len(raw) % 8)

    body = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<iii", 60000, 60000, 10)) + element(1, b"ms")
    body += struct.pack("<II", 9, 2**32 - 8) + bytes(64)
    head = b"MATLAB 5.0".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    (tmp_path / "x.mat").write_bytes(head + struct.pack("<II", 14, len(body)) + body)
    with pytest.raises(FileError, match="for 36000000000 numbers"):
        open_image(tmp_path / "x.mat")


def test_sparse_images_are_no_lie(tmp_path: Path) -> None:
    import rasterio

    kind = {"width": 8192, "height": 8192, "count": 1, "dtype": "uint16", "tiled": True, "SPARSE_OK": True}
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", transform=rasterio.Affine(2, 0, 0, 0, -2, 0), **kind):
        pass
    with open_image(tmp_path / "x.tif") as image:
        assert image.shape == (8192, 8192)


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.tif")
    (tmp_path / "zero.tif").symlink_to("/dev/zero")
    for name, word in (("p.tif", "a pipe"), ("zero.tif", "a device")):
        for path in (str(tmp_path / name), f"file://{tmp_path / name}"):
            with pytest.raises(FileError, match=f"is {word}; expected a regular file"):
                open_image(path)
    with pytest.raises(FileError, match="a connection of GDAL"):
        open_image("/vsistdin/")


def test_what_lies_beside_is_no_pipe_and_small(tmp_path: Path) -> None:
    image = plain(tmp_path / "x.tif", np.ones((1, 4, 4), "uint16"))
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "item.json")
    with open_image(image) as opened:
        assert opened.count > 0
    os.mkfifo(tmp_path / "x.tif.aux.xml")
    with pytest.raises(FileError, match=r"x.tif.aux.xml is a pipe"):
        open_image(image)
    (tmp_path / "x.tif.aux.xml").unlink()
    with (tmp_path / "x.tif.aux.xml").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(FileError, match="too large"):
        open_image(image)
    with pytest.raises(FileError, match="of 64 MB; expected metadata of at most 64 MB"):
        small_bytes(tmp_path / "x.tif.aux.xml")


def test_xml_names_no_entities(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"{}?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><L1_METADATA_FILE>&b;</L1_METADATA_FILE>'
    for raw in (bomb.format(""), bomb.format("").encode("utf-16"), bomb.format(' encoding="cp037"').encode("cp037")):
        with pytest.raises((ValueError, ElementTree.ParseError)):
            xml_root(raw)
    (tmp_path / "x_MTL.xml").write_text(bomb.format(""))
    with pytest.raises(FileError, match="it defines entities"):
        read_groups(tmp_path / "x_MTL.xml", "Landsat's")


def test_a_vrt_is_opened_under_its_own_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with pytest.raises(FileError, match="cannot be opened"):
        open_image(raw_band(tmp_path / "x.tif", secret))
    for kind in ("VRTRawRasterBand", "vrtrawrasterband"):
        with pytest.raises(FileError, match="asks for raw bytes of files"):
            open_image(raw_band(tmp_path / "x.vrt", secret, kind))
    text = (tmp_path / "x.tif").read_text()
    for path in (text, f"vrt://{tmp_path / 'x.tif'}", "WMS:http://localhost/", "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1"):
        with pytest.raises(FileError, match="a connection of GDAL"):
            open_image(path)
    monkeypatch.setenv(SETTING, "anywhere")
    with open_image(plain(tmp_path / "y.tif", np.ones((1, 4, 4), "uint16"))) as image:
        assert image.count > 0


def test_where_the_sources_of_a_vrt_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rasterio

    own = tmp_path / "own"
    (own / "sub").mkdir(parents=True)
    data = np.arange(16, dtype="uint16").reshape(1, 4, 4)
    for folder in (own, own / "sub", tmp_path):
        with rasterio.open(
            folder / "s.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint16",
            transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
        ) as file:  # fmt: skip
            file.write(data)
    for source, relative in (("s.tif", 1), ("sub/s.tif", 1), (own / "s.tif", 0)):
        with open_image(vrt_of(own / "good.vrt", source, relative)) as image:
            np.testing.assert_array_equal(image.read()[0], data)
    (own / "link.tif").symlink_to(tmp_path / "s.tif")
    for source in (
        "../s.tif",
        "sub/../../s.tif",
        str(tmp_path / "s.tif"),
        "link.tif",
        "http://localhost/s.tif",
        "vrt://s.tif",
    ):
        with pytest.raises(FileError, match=r"bad\.vrt names .*; expected files in its own folder or below"):
            open_image(vrt_of(own / "bad.vrt", source))
    raw_band(own / "inner.tif", tmp_path / "s.tif")
    with pytest.raises(FileError, match="a text that may name others"):
        open_image(vrt_of(own / "bad.vrt", "inner.tif"))
    vrt_of(own / "inner.vrt", "../s.tif")
    with pytest.raises(FileError, match=r"inner\.vrt names"):
        open_image(vrt_of(own / "bad.vrt", "inner.vrt"))
    monkeypatch.setenv(SETTING, "anywhere")
    with open_image(vrt_of(own / "bad.vrt", "../s.tif")) as image:
        np.testing.assert_array_equal(image.read()[0], data)


def test_hdf5_holds_its_own_numbers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file["ms"] = np.ones((1, 8, 8))
    for name in ("storage", "link", "virtual"):
        for suffix in (".h5", ".nc", ".mat", ".tif"):
            path = tmp_path / f"{name}{suffix}"
            with h5py.File(path, "w") as file:
                if name == "storage":
                    file.create_dataset("ms", (1, 8, 8), "u1", external=[(str(tmp_path / "secret"), 0, 64)])
                elif name == "link":
                    file["ms"] = h5py.ExternalLink("outside.h5", "/ms")
                else:
                    layout = h5py.VirtualLayout((1, 8, 8), "f8")
                    layout[:] = h5py.VirtualSource("outside.h5", "ms", (1, 8, 8))
                    file.create_virtual_dataset("ms", layout)
            with pytest.raises(FileError, match="keeps ms in another file"):
                open_image(path)


def test_an_archive_holds_nothing_above_itself(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        for name in ("../up.tif", "/etc/abs.tif", "a/../../b.tif", "good.tif"):
            info = tarfile.TarInfo(name)
            file.addfile(info, io.BytesIO())
        link = tarfile.TarInfo("link.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    assert [one.member for one in inside(tmp_path / "x.tar").rglob("*")] == ["good.tif"]


@pytest.mark.parametrize(
    ("source", "kind", "default", "beside"),
    [
        ("b.tif", "vrt", True, True), ("sub/b.tif", "item", True, True), ("../b.tif", "item", False, False),
        ("../b.tif", "list", True, False), ("/etc/passwd", "vrt", False, False), ("/etc/passwd", "list", True, False),
        ("https://a.org/b.tif", "item", True, False), ("https://a.org/b.tif", "vrt", False, False),
        ("s3://a/b.tif", "list", True, False), ("<VRTDataset/>", "item", False, False),
        ("vrt://b.tif", "vrt", False, False),
        ("/vsizip/x.zip", "vrt", False, False), ("file:///etc/passwd", "item", False, False),
    ],
)  # fmt: skip
def test_who_may_name_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, kind: str, default: bool, beside: bool
) -> None:
    named_in = tmp_path / "folder" / "a.json"
    monkeypatch.delenv(SETTING, raising=False)
    assert allowed(source, named_in, kind) is default  # type: ignore[arg-type]
    monkeypatch.setenv(SETTING, "beside")
    assert allowed(source, named_in, kind) is beside  # type: ignore[arg-type]
    monkeypatch.setenv(SETTING, "anywhere")
    assert allowed(source, named_in, kind)  # type: ignore[arg-type]
    monkeypatch.setenv(SETTING, "all")
    with pytest.raises(InputError, match="EARTHLOOM_OPEN=all; expected beside, anywhere, or nothing"):
        allowed(source, named_in, kind)  # type: ignore[arg-type]


def test_what_came_from_the_web_names_no_file_of_this_machine() -> None:
    page = "https://a.org/items/a.json"
    for kind in ("list", "item", "vrt"):
        assert allowed("b.tif", page, kind) and allowed("https://b.org/b.tif", page, kind)  # type: ignore[arg-type]
        for source in ("/etc/passwd", "file:///etc/passwd", "../../b.tif", "/vsizip/x.zip"):
            assert not allowed(source, page, kind)  # type: ignore[arg-type]


def test_no_equation_is_solved_with_what_is_no_number() -> None:
    for wrong in (np.nan, np.inf):
        with pytest.raises(InputError, match="infinite or no number"):
            least_squares(np.array([[1.0, wrong], [0.0, 1.0]]), np.ones(2))
    np.testing.assert_allclose(least_squares(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0])), [1.0, 0.5])


@pytest.mark.parametrize("number", [9e29, 1e20, 9e14, -1e38, np.inf, 1e-42])
def test_one_number_that_is_no_measurement(number: float) -> None:
    rng = np.random.default_rng(0)
    fine = rng.uniform(100, 3000, (4, 32, 32)).astype("float32")
    ms, pan = fine.reshape(4, 8, 4, 8, 4).mean((2, 4)), fine.mean(0)
    ms[0, 3, 3] = number
    for method in ("gsa", "mtf_glp_fs"):
        product = earthloom.pansharpen(pan, ms, method)
        assert product.shape == (4, 32, 32) and np.isfinite(product[:, :4, :4]).all()
