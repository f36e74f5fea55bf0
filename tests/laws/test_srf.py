"""Spectral responses: agency centres, rows that sum to 1, spectra that come out as they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from earthloom import sensors
from earthloom.errors import InputError, SensorError
from earthloom.physics import srf

SRF = Path(sensors.__file__).parent / "srf"
WITH_CURVES = [name for name in sensors.names() if sensors.load(name).srf]

# centroids in nm, of the agencies' own tables before they were trimmed
AGENCY = {
    "sentinel2a": {"B1": 442.7, "B2": 492.4, "B3": 559.8, "B4": 664.6, "B8": 832.8, "B8A": 864.7, "B12": 2202.4},
    "sentinel2b": {"B1": 442.2, "B2": 492.1, "B6": 739.1, "B10": 1376.9, "B11": 1610.4, "B12": 2185.7},
    "landsat8": {"B1": 443.0, "B2": 482.6, "B3": 561.3, "B4": 654.6, "B5": 864.6, "B6": 1609.1, "B7": 2201.2},
    "landsat7": {"B1": 478.7, "B2": 561.0, "B3": 661.4, "B4": 834.6, "B5": 1650.3, "B7": 2208.1},
    "modis": {"B1": 646.3, "B2": 856.5, "B3": 465.7, "B4": 553.7, "B7": 2114.2, "B10": 487.0, "B26": 1382.5},
    "gaofen1_pms": {"B1": 494.6, "B2": 554.1, "B3": 665.2, "B4": 823.4},
    "gaofen1_wfv": {"B1": 482.7, "B2": 553.9, "B3": 656.9, "B4": 824.3},
    "gaofen2": {"B1": 491.9, "B2": 555.4, "B3": 665.3, "B4": 821.6},
    "gaofen6_pms": {"B1": 490.5, "B2": 565.1, "B3": 659.3, "B4": 820.2},
    "gaofen6_wfv": {"B1": 488.2, "B5": 700.5, "B6": 748.6, "B8": 608.9},
}
PAN = {"landsat8": 591.7, "landsat7": 720.1, "gaofen1_pms": 721.0, "gaofen2": 723.6, "gaofen6_pms": 674.8}


@pytest.mark.parametrize("name", AGENCY)
def test_centres_are_those_of_the_agency(name):
    sensor = sensors.select(sensors.load(name), AGENCY[name])
    centres = srf.band_centres(*srf.load_srf(sensor))
    np.testing.assert_allclose(centres, list(AGENCY[name].values()), atol=0.15)
    np.testing.assert_allclose([band.centre_nm for band in sensor.bands], centres, atol=0.15)


@pytest.mark.parametrize("name", PAN)
def test_centre_of_the_pan(name):
    wavelength, response = srf.load_pan_srf(sensors.load(name))
    assert srf.band_centres(wavelength, response[None])[0] == pytest.approx(PAN[name], abs=0.15)


def test_every_shipped_curve_equals_its_table(shared):
    """Trimming moved no response by more than half of the last decimal kept."""
    for path in sorted(SRF.glob("*.csv")):
        heads, ours = srf._cells_of_csv(path)
        original = np.loadtxt(shared / "data/alignment/srf" / path.name, delimiter=",", skiprows=1)
        back = np.zeros_like(original)
        back[:, 0] = original[:, 0]
        back[np.searchsorted(original[:, 0], ours[:, 0])] = ours
        assert len(heads) == original.shape[1]
        np.testing.assert_allclose(back, original, atol=5.1e-5)


@pytest.mark.parametrize("name", WITH_CURVES)
def test_normalised_curves_integrate_to_one(name):
    wavelength, response = srf.load_srf(sensors.load(name))
    assert response.shape == (len(sensors.load(name).bands), wavelength.size)
    np.testing.assert_allclose(np.unique(np.diff(wavelength).round(6)).size, 1)
    np.testing.assert_allclose(trapezoid(srf.normalise(wavelength, response), wavelength), 1, rtol=1e-12)


def test_gaussian_is_half_at_half_width():
    at = np.array([500.0, 490.0, 510.0, 520.0])
    np.testing.assert_allclose(srf.gaussian_response(500.0, 20.0, at), [1, 0.5, 0.5, 0.0625], rtol=1e-12)
    with pytest.raises(InputError, match="positive width"):
        srf.gaussian_response(500.0, 0.0, at)


def test_gaussian_keeps_its_centre_and_width():
    wavelength = np.arange(300.0, 700.0)
    curve = srf.gaussian_response(512.3, 40.0, wavelength)[None]
    assert srf.band_centres(wavelength, curve)[0] == pytest.approx(512.3, abs=1e-6)


@pytest.mark.parametrize("name", ["landsat8", "sentinel2a", "gaofen2"])
@pytest.mark.parametrize("step", [2.0, 10.0])
def test_matrix_rows_sum_to_one_and_are_exact_for_linear_spectra(name, step):
    wavelength, response = srf.load_srf(sensors.load(name))
    source = np.arange(350.0, 2600.0, step)
    matrix = srf.spectral_response_matrix(source, wavelength, response, fwhm_nm=step)
    assert matrix.shape == (len(response), source.size) and matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-12)
    spectrum = 0.1 + 2e-4 * source
    expected = 0.1 + 2e-4 * srf.band_centres(wavelength, response)
    np.testing.assert_allclose(matrix @ spectrum, expected, rtol=1e-10)


def test_matrix_by_hand():
    """A box from 500 to 502 nm seen through bands at 500 and 502 nm: half of each."""
    wavelength = np.array([498.0, 499.0, 500.0, 501.0, 502.0, 503.0, 504.0])
    response = np.array([[0.0, 0, 1, 1, 1, 0, 0]])
    matrix = srf.spectral_response_matrix(np.array([502.0, 500.0]), wavelength, response)
    np.testing.assert_allclose(matrix, [[0.5, 0.5]], rtol=1e-12)


def test_matrix_agrees_with_fine_integration_of_a_smooth_spectrum():
    """EnMAP's bands stand for a vegetation-like spectrum; the result is that of a 1 nm integration."""
    sensor = sensors.load("landsat8")
    wavelength, response = srf.load_srf(sensor)

    def spectrum(nm: np.ndarray) -> np.ndarray:
        return 0.05 + 0.4 / (1 + np.exp(-(nm - 715) / 15)) * np.exp(-((nm - 900) ** 2) / 1.5e6)

    enmap = sensors.load("enmap")
    source = np.array([band.centre_nm for band in enmap.bands])
    width = np.array([band.fwhm_nm for band in enmap.bands])
    matrix = srf.spectral_response_matrix(source, wavelength, response, fwhm_nm=width)
    weights = srf.normalise(wavelength, response)
    truth = trapezoid(weights * spectrum(wavelength), wavelength)
    np.testing.assert_allclose(matrix @ spectrum(source), truth, rtol=3e-3)


@given(st.permutations(range(40)))
def test_order_and_copies_of_source_bands_do_not_matter(order):
    wavelength = np.arange(450.0, 651.0)
    response = srf.gaussian_response(550.0, 60.0, wavelength)[None]
    source = np.linspace(440.0, 660.0, 40)
    plain = srf.spectral_response_matrix(source, wavelength, response)
    shuffled = srf.spectral_response_matrix(source[order], wavelength, response)
    np.testing.assert_allclose(shuffled, plain[:, order], rtol=1e-12)
    twice = srf.spectral_response_matrix(np.concatenate([source, source]), wavelength, response)
    np.testing.assert_allclose(twice[:, :40] + twice[:, 40:], plain, rtol=1e-12, atol=1e-15)


def test_matrix_refuses_what_was_not_seen():
    wavelength, response = srf.load_srf(sensors.load("landsat8"))
    visible = np.arange(400.0, 1000.0, 10.0)
    with pytest.raises(InputError, match=r"cover 0% of the response of band 6 \(about 1609 nm\)"):
        srf.spectral_response_matrix(visible, wavelength, response, fwhm_nm=10.0)
    matrix = srf.spectral_response_matrix(visible, wavelength, response[:5], fwhm_nm=10.0)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-12)
    gap = visible[(visible < 640) | (visible > 670)]
    with pytest.raises(InputError, match="band 4"):
        srf.spectral_response_matrix(gap, wavelength, response[:5], fwhm_nm=10.0)


def test_coverage_threshold():
    """A box of 100 nm of which 95 or 85 are seen."""
    wavelength = np.arange(499.5, 600.6, 1.0)
    response = ((wavelength > 500) & (wavelength < 600)).astype(float)[None]
    for last, ok in ((595.0, True), (585.0, False)):
        source = np.arange(495.0, last, 1.0)
        if ok:
            assert srf.spectral_response_matrix(source, wavelength, response, 0.5).sum() == pytest.approx(1)
        else:
            with pytest.raises(InputError, match=r"cover 8[45]%"):
                srf.spectral_response_matrix(source, wavelength, response, 0.5)


@pytest.mark.parametrize(
    ("source", "fwhm", "message"),
    [
        ([], None, "missing"),
        ([np.nan], None, "not finite"),
        ([500.0], None, "fwhm_nm"),
        ([500.0, 510.0], -1.0, "positive widths"),
    ],
)
def test_matrix_refuses_impossible_sources(source, fwhm, message):
    wavelength = np.arange(450.0, 651.0)
    response = srf.gaussian_response(550.0, 60.0, wavelength)[None]
    with pytest.raises(InputError, match=message):
        srf.spectral_response_matrix(np.array(source, dtype=float), wavelength, response, fwhm)


@pytest.mark.parametrize("name", [n for n in sensors.names() if sensors.load(n).pan and sensors.load(n).bands])
def test_pan_weights(name):
    sensor = sensors.load(name)
    weights = srf.pan_weights(sensor)
    assert weights.shape == (len(sensor.bands),)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
    far = [i for i, band in enumerate(sensor.bands) if (band.centre_nm or 0) > 1100]
    assert np.all(weights[far] < 1e-4)


def test_pan_weights_follow_the_response():
    """The PAN of OLI ends at 680 nm and sees no NIR; that of ETM+ reaches 900 nm and sees mostly NIR."""
    oli = dict(zip(sensors.load("L8").band_names, srf.pan_weights(sensors.load("L8")), strict=True))
    assert oli["nir"] < 1e-6 and oli["coastal"] < 0.02
    assert oli["green"] > oli["red"] > oli["blue"] > 0.05
    etm = dict(zip(sensors.load("L7").band_names, srf.pan_weights(sensors.load("L7")), strict=True))
    assert etm["nir"] > 0.4 and etm["blue"] < 0.05


def test_pan_weights_recover_a_known_mixture(tmp_path):
    """A PAN made of 0.3 blue, 0.5 green and 0.2 red gives back these weights."""
    wavelength = np.arange(400.0, 801.0)
    bands = np.stack([srf.gaussian_response(c, w, wavelength) for c, w in ((480, 50.0), (560, 60.0), (660, 40.0))])
    pan = np.array([0.3, 0.5, 0.2]) @ srf.normalise(wavelength, bands)
    table = np.column_stack([wavelength, *bands, pan])
    np.savetxt(tmp_path / "mix.csv", table, delimiter=",", header="nm,blue,green,red,PAN", comments="")
    rows = "".join(f'{{ name = "{n}", mtf_nyquist = 0.3 }},' for n in ("blue", "green", "red"))
    (tmp_path / "mix.toml").write_text(f'title = "Mix"\nsrf = "mix.csv"\nbands = [{rows}]\n[pan]\nmtf_nyquist = 0.15\n')
    weights = srf.pan_weights(sensors.load(tmp_path / "mix.toml"))
    np.testing.assert_allclose(weights, [0.3, 0.5, 0.2], atol=1e-5)


def test_sensors_without_what_it_takes_are_refused():
    for name, message in (("sentinel2a", "no panchromatic"), ("generic", "no centre_nm")):
        with pytest.raises(SensorError, match=message):
            srf.pan_weights(sensors.load(name))
    with pytest.raises(SensorError, match="no table of response curves"):
        srf.load_srf(sensors.load("worldview3"))
    with pytest.raises(SensorError, match="no panchromatic"):
        srf.load_pan_srf(sensors.load("modis"))


def test_responses_fall_back_on_gaussians():
    wavelength, bands, pan = srf.responses(sensors.load("worldview3"))
    assert bands.shape == (8, wavelength.size) and pan is not None
    expected = [band.centre_nm for band in sensors.load("worldview3").bands]
    np.testing.assert_allclose(srf.band_centres(wavelength, bands), expected, atol=0.1)
    assert srf.responses(sensors.load("sentinel2c"))[2] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nm,blue\n400,1\n402,x\n", "cannot read the response curves"),
        ("nm,blue\n400,1\n401\n", "cannot read|differ in length"),
        ("nm,blue\n400,1,1\n401,1,1\n", "differ in length"),
        ("nm,blue\n401,1\n400,1\n", "does not increase"),
        ("nm,blue\n400,1\n401,1\n402.5,1\n", "unevenly spaced"),
        ("nm,blue\n400,-1\n401,1\n", "negative"),
        ("nm,red\n400,1\n401,1\n", "no column for the band 'blue'"),
        ("", "differ in length"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    (tmp_path / "x.toml").write_text('title = "X"\nsrf = "x.csv"\nbands = [{ name = "blue", mtf_nyquist = 0.3 }]\n')
    with pytest.raises(SensorError, match=message):
        srf.load_srf(sensors.load(tmp_path / "x.toml"))


def test_missing_rows_and_cells_are_zero(tmp_path):
    (tmp_path / "x.csv").write_text("nm,B1,B2\n400,1,\n401,1,\n410,,1\n411,,1\n")
    rows = '{ name = "a", number = "B1", mtf_nyquist = 0.3 }, { name = "b", number = "B2", mtf_nyquist = 0.3 }'
    (tmp_path / "x.toml").write_text(f'title = "X"\nsrf = "x.csv"\nbands = [{rows}]\n')
    wavelength, response = srf.load_srf(sensors.load(tmp_path / "x.toml"))
    np.testing.assert_allclose(srf.band_centres(wavelength, response), [400.5, 410.5])
    assert response.sum() == 4


def test_curves_that_are_nowhere_positive_are_refused():
    with pytest.raises(InputError, match="nowhere positive"):
        srf.normalise(np.arange(3.0), np.zeros((1, 3)))
    with pytest.raises(InputError, match="do not increase"):
        srf.normalise(np.array([1.0, 1.0]), np.ones((1, 2)))
