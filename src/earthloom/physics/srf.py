"""Spectral response: what share of the light of each wavelength a band sees.

A band with response r(λ) sees of the spectral radiance L(λ) the mean

    y = ∫ r(λ) L(λ) dλ / ∫ r(λ) dλ

Curves come from the agencies' tables where there are any (:func:`load_srf`), else from Gaussians made of the band's
centre and width (:func:`gaussian_response`). Wavelengths are in nanometres throughout.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earthloom.errors import InputError, SensorError
from earthloom.sensors.labels import label_keys
from earthloom.sensors.model import Sensor
from earthloom.small import small_text
from earthloom.types import Band, Float

STEP_NM = 1.0


def load_srf(sensor: Sensor) -> tuple[Float[np.ndarray, " wl"], Float[np.ndarray, "band wl"]]:
    """Response curves of a sensor's bands, as the agency published them (peak about 1).

    Parameters
    ----------
    sensor
        A sensor whose file names a CSV under ``srf``: a column of wavelengths in nm and one column per band, headed
        by the band's number or name. Rows and cells that are missing are 0.

    Returns
    -------
    wavelength_nm
        Evenly spaced wavelengths, ``(wl,)``.
    response
        One row per band of ``sensor``, in its order, ``(band, wl)``.

    Raises
    ------
    SensorError
        If the sensor has no curves, or its CSV is broken or lacks a band.
    """
    wavelength, columns = _read(sensor)
    numbers = sensor.numbers or ("",) * len(sensor.bands)
    rows = [_column(sensor, columns, band, n) for band, n in zip(sensor.bands, numbers, strict=True)]
    return wavelength, np.stack(rows) if rows else np.zeros((0, wavelength.size))


def load_pan_srf(sensor: Sensor) -> tuple[Float[np.ndarray, " wl"], Float[np.ndarray, " wl"]]:
    """Response curve of a sensor's panchromatic band: wavelengths in nm and response, ``(wl,)`` each.

    Raises
    ------
    SensorError
        If the sensor has no PAN, no curves, or no column for its PAN (headed ``PAN`` or by its number).
    """
    if sensor.pan is None:
        raise SensorError(f"{sensor.title} has no panchromatic band")
    wavelength, columns = _read(sensor)
    return wavelength, columns["pan"] if "pan" in columns else _column(sensor, columns, sensor.pan, sensor.pan_number)


def gaussian_response(
    centre_nm: float, fwhm_nm: float, wavelength_nm: Float[np.ndarray, " wl"]
) -> Float[np.ndarray, " wl"]:
    """Gaussian response of peak 1.

        r(λ) = exp(-4 ln 2 · ((λ - centre) / fwhm)²)

    Parameters
    ----------
    centre_nm, fwhm_nm
        Centre, and full width at half of the peak; a larger width lets in more distant wavelengths.
    wavelength_nm
        Where to evaluate it, ``(wl,)``.

    Raises
    ------
    InputError
        If the width is not positive.
    """
    if not fwhm_nm > 0:
        raise InputError(f"a band of width {fwhm_nm} nm", "a positive width (fwhm_nm)")
    return np.exp(-4 * np.log(2) * ((wavelength_nm - centre_nm) / fwhm_nm) ** 2)


def normalise(
    wavelength_nm: Float[np.ndarray, " wl"], response: Float[np.ndarray, "*band wl"]
) -> Float[np.ndarray, "*band wl"]:
    """Curves scaled so that the discrete (trapezoidal) integral of each over wavelength is 1.

        r(λ_i) / Σ_j w_j r(λ_j),    w_j half the distance between the two neighbours of λ_j

    Parameters
    ----------
    wavelength_nm
        Increasing wavelengths, ``(wl,)``.
    response
        Curves along the last axis, ``(..., wl)``.

    Raises
    ------
    InputError
        If the wavelengths do not increase or a curve is nowhere positive.
    """
    area = response @ _cells(wavelength_nm)
    if not np.all(area > 0):
        raise InputError("a response curve that is nowhere positive", "a curve with a positive integral")
    return response / area[..., None]


def band_centres(
    wavelength_nm: Float[np.ndarray, " wl"], response: Float[np.ndarray, "band wl"]
) -> Float[np.ndarray, " band"]:
    """Centroids of response curves in nm: ∫ λ r(λ) dλ / ∫ r(λ) dλ, ``(band,)``.

    Raises
    ------
    InputError
        If the wavelengths do not increase or a curve is nowhere positive.
    """
    return normalise(wavelength_nm, response) @ (wavelength_nm * _cells(wavelength_nm))


def spectral_response_matrix(
    source_wavelength_nm: Float[np.ndarray, " source"],
    wavelength_nm: Float[np.ndarray, " wl"],
    response: Float[np.ndarray, "band wl"],
    fwhm_nm: float | Float[np.ndarray, " source"] | None = None,
    coverage: float = 0.9,
) -> Float[np.ndarray, "band source"]:
    """The matrix R that turns a finely sampled spectrum into the bands of a sensor, rows summing to 1.

    Between the source's wavelengths the spectrum is taken as linear, L(λ) = Σ_k h_k(λ) x_k with hat functions
    h_k, and integrated against the target's response:

        y = R x,    R[b, k] = ∫_C r_b(λ) h_k(λ) dλ / ∫_C r_b(λ) dλ

    C are the wavelengths the source saw: those within one ``fwhm_nm`` of some source band. So a spectrum that is
    linear in wavelength comes out exactly. The source's own width is not undone: a feature narrower than
    ``fwhm_nm`` stays blurred.

    Parameters
    ----------
    source_wavelength_nm
        Centres of the source's bands in any order, ``(source,)``; bands at the same wavelength share the weight.
    wavelength_nm, response
        Curves of the target, as :func:`load_srf` or :func:`responses` give them.
    fwhm_nm
        Width of the source's bands, one for all or one each. A larger width bridges wider gaps. Default: the
        median distance between neighbours.
    coverage
        Share of each target band's response that the source must have seen (0..1).

    Returns
    -------
    R
        ``(band, source)``, not negative, rows summing to 1; apply with ``np.tensordot(R, cube, 1)``.

    Raises
    ------
    InputError
        If wavelengths or widths are impossible, or a target band is not covered.
    """
    source, back, copies = np.unique(source_wavelength_nm, return_inverse=True, return_counts=True)
    if source.size == 0 or not np.all(np.isfinite(source)) or source[0] <= 0:
        raise InputError("source wavelengths that are missing, not finite or not positive", "wavelengths in nm")
    reach = np.zeros(source.size)
    np.maximum.at(reach, back, _widths(source_wavelength_nm, source, fwhm_nm))
    seen = _seen(wavelength_nm, source, reach)
    weight = normalise(wavelength_nm, response) * _cells(wavelength_nm)
    share = weight[:, seen].sum(axis=1) if seen.any() else np.zeros(len(weight))
    _require_coverage(share, coverage, wavelength_nm, response, source)
    right = np.clip(np.searchsorted(source, wavelength_nm), 1, max(source.size - 1, 1))
    left = right - 1
    right = np.minimum(right, source.size - 1)
    gap = np.where(right > left, source[right] - source[left], 1.0)
    part = np.clip((wavelength_nm - source[left]) / gap, 0.0, 1.0) * (right > left)
    hats = np.zeros((wavelength_nm.size, source.size))
    at = np.arange(wavelength_nm.size)
    np.add.at(hats, (at, left), 1.0 - part)
    np.add.at(hats, (at, right), part)
    matrix = (weight * seen / share[:, None]) @ hats
    return (matrix / copies)[:, back]


def responses(
    sensor: Sensor,
) -> tuple[Float[np.ndarray, " wl"], Float[np.ndarray, "band wl"], Float[np.ndarray, " wl"] | None]:
    """Response curves of all bands and of the PAN: published ones, or Gaussians of the file's centres and widths.

    Returns
    -------
    wavelength_nm, bands, pan
        ``(wl,)``, ``(band, wl)``, and ``(wl,)`` or None for a sensor without PAN.

    Raises
    ------
    SensorError
        If there are neither curves nor centres and widths, or the CSV is broken.
    """
    if sensor.srf is not None:
        wavelength, bands = load_srf(sensor)
        return wavelength, bands, None if sensor.pan is None else load_pan_srf(sensor)[1]
    every = [*sensor.bands] + ([sensor.pan] if sensor.pan else [])
    shapes = [_centre_and_width(sensor, band) for band in every]
    if not sensor.bands:
        raise SensorError(f"{sensor.title} has no bands with wavelengths", "a named sensor, or a file of your own")
    low = min(centre - 2 * width for centre, width in shapes)
    high = max(centre + 2 * width for centre, width in shapes)
    step = min(STEP_NM, min(width for _, width in shapes) / 5)
    wavelength = np.arange(max(low, step), high + step, step)
    curves = np.stack([gaussian_response(centre, width, wavelength) for centre, width in shapes])
    count = len(sensor.bands)
    return wavelength, curves[:count], curves[count] if sensor.pan else None


def pan_weights(sensor: Sensor) -> Float[np.ndarray, " band"]:
    """How much of the PAN each band explains: non-negative weights that sum to 1, ``(band,)``.

        w = argmin_{w >= 0} ∫ (Σ_k w_k r_k(λ) - r_pan(λ))² dλ,    then w / Σ w

    All curves have unit integral, so that Σ w_k ms_k is a radiance on the scale of the PAN. A band outside of the
    PAN's reach gets 0. They simulate a PAN from bands, as the demo does. With Gaussian curves (a sensor without a
    table) the weights are a rough guide: a PAN response is closer to a box.

    Parameters
    ----------
    sensor
        A sensor with a PAN and with curves, or centres and widths.

    Raises
    ------
    SensorError
        If the sensor has no PAN or no wavelengths, or no band overlaps the PAN.

    References
    ----------
    Tu et al. (2005), "Best tradeoff for high-resolution image fusion to preserve spatial details and minimize
    color distortion", IEEE GRSL 2(4), on why the weights of the bands should follow the responses.
    """
    from scipy.optimize import nnls

    if sensor.pan is None:
        raise SensorError(f"{sensor.title} has no panchromatic band")
    wavelength, bands, pan = responses(sensor)
    if pan is None:
        raise SensorError(f"{sensor.title} has no panchromatic band")
    root = np.sqrt(_cells(wavelength))
    weights, _ = nnls((normalise(wavelength, bands) * root).T, normalise(wavelength, pan) * root)
    if not weights.sum() > 0:
        raise SensorError(f"no band of {sensor.title} overlaps its panchromatic band", hint="check the wavelengths")
    return weights / weights.sum()


def _cells(wavelength_nm: np.ndarray) -> np.ndarray:
    """Trapezoidal weights: the stretch of wavelength that each sample stands for."""
    steps = np.diff(wavelength_nm)
    if wavelength_nm.size < 2 or not np.all(steps > 0):
        raise InputError("wavelengths that do not increase", "two or more increasing wavelengths in nm")
    cells = np.zeros(wavelength_nm.size)
    cells[:-1] += steps / 2
    cells[1:] += steps / 2
    return cells


def _widths(given: np.ndarray, source: np.ndarray, fwhm_nm: float | np.ndarray | None) -> np.ndarray:
    """Width of each source band as given, one each."""
    if fwhm_nm is None:
        if source.size < 2:
            raise InputError("one source band without a width", "fwhm_nm")
        fwhm_nm = float(np.median(np.diff(source)))
    widths = np.asarray(fwhm_nm, dtype=float)
    if widths.shape not in ((), given.shape) or not np.all(widths > 0):
        raise InputError(f"fwhm_nm of shape {widths.shape}", f"one or {given.size} positive widths in nm")
    return np.broadcast_to(widths, given.shape)


def _seen(wavelength_nm: np.ndarray, source: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Wavelengths within reach of some source band."""
    starts, stops = np.sort(source - reach), np.sort(source + reach)
    opened = np.searchsorted(starts, wavelength_nm, side="right")
    return opened > np.searchsorted(stops, wavelength_nm, side="left")


def _require_coverage(
    share: np.ndarray, coverage: float, wavelength_nm: np.ndarray, response: np.ndarray, source: np.ndarray
) -> None:
    """Refuse a target band of which the source saw too little."""
    for band in np.flatnonzero((share < coverage - 1e-9) | (share <= 0)):
        centre = band_centres(wavelength_nm, response[band : band + 1])[0]
        raise InputError(
            f"the source bands ({source[0]:.0f} to {source[-1]:.0f} nm) cover {share[band]:.0%} of the response "
            f"of band {band + 1} (about {centre:.0f} nm)",
            f"at least {coverage:.0%}",
            "leave this band out, or pass the true fwhm_nm of the source",
        )


def _centre_and_width(sensor: Sensor, band: Band) -> tuple[float, float]:
    """Centre and width of a band, which must be known."""
    if band.centre_nm is None or band.fwhm_nm is None:
        raise SensorError(
            f"the band {band.name!r} of {sensor.title} has no response curve and no centre_nm or fwhm_nm",
            hint="name the sensor, or add them to its file",
        )
    return band.centre_nm, band.fwhm_nm


def _read(sensor: Sensor) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Evenly spaced wavelengths and the columns of a sensor's CSV by label."""
    if sensor.srf is None:
        raise SensorError(
            f"{sensor.title} has no table of response curves",
            hint="use earthloom.physics.srf.responses, which makes Gaussians, or name a CSV under srf in its file",
        )
    heads, table = _cells_of_csv(sensor.srf)
    given = table[:, 0]
    if given.size < 2 or not np.all(np.diff(given) > 0):
        raise SensorError(f"{sensor.srf}: the first column does not increase", "two or more wavelengths in nm")
    step = float(np.diff(given).min())
    index = np.rint((given - given[0]) / step).astype(int)
    if not np.allclose(index * step, given - given[0], atol=0.01 * step):
        raise SensorError(f"{sensor.srf}: the wavelengths are unevenly spaced", "steps of one size; rows of 0 may go")
    wavelength = given[0] + step * np.arange(-1, index[-1] + 2)  # a row of zeros at either end
    columns: dict[str, np.ndarray] = {}
    for head, values in zip(heads[1:], table.T[1:], strict=True):
        full = np.zeros(wavelength.size)
        full[index + 1] = values
        columns |= dict.fromkeys(label_keys(head, head), full)
    return wavelength, columns


def _cells_of_csv(path: Path) -> tuple[list[str], np.ndarray]:
    """Heads and numbers of a CSV file; an empty cell is 0."""
    try:
        lines = [line.split(",") for line in small_text(path).splitlines() if line.strip()]
        table = np.array([[float(cell.strip() or 0) for cell in line] for line in lines[1:]])
    except (OSError, ValueError) as error:
        raise SensorError(f"cannot read the response curves in {path}: {error}", "a CSV of numbers") from error
    heads = [head.strip() for head in lines[0]] if lines else []
    if table.ndim != 2 or table.shape[1] != len(heads) or len(heads) < 2:
        raise SensorError(f"{path}: rows and heads differ in length", "wavelength_nm and one column per band")
    if not np.all(np.isfinite(table)) or np.any(table[:, 1:] < 0):
        raise SensorError(f"{path}: a response is negative or not finite", "responses of 0 or more")
    return heads, table


def _column(sensor: Sensor, columns: dict[str, np.ndarray], band: Band, number: str) -> np.ndarray:
    """The column of a band, headed by its number or its name."""
    for key in sorted(label_keys(band.name, number)):  # "#5" sorts before names: the number goes first
        if key in columns:
            return columns[key]
    raise SensorError(
        f"{sensor.srf} has no column for the band {band.name!r} of {sensor.title}",
        f"a column headed {number!r} or {band.name!r}" if number else f"a column headed {band.name!r}",
    )
