"""Pictures with a given magnitude of every frequency, of which only the phases are free.

Fel, Boissin, Boutin, Picard, Novello, Colin, Linsley, Rousseau, Cadene, Gardes, Serre 2023,
"Unlocking feature visualization for deeper networks with magnitude constrained optimization"
(MaCo), arXiv:2306.06805, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError

# Standard deviation of natural pictures, as a share of the range: in brightness, and in the two
# colours that oppose each other (Ruderman, Cronin, Chiao 1998, have ratios of this order).
_CONTRAST = 0.22
_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
_SPREADS = np.array([1.0, 0.3, 0.15])
# Slope of the squashing is that of its argument in the middle of the range.
_SLOPE = 4.0
_LEAST = 1e-6


@dataclass(frozen=True)
class Spectrum:
    """Statistics of pictures in [0, 1].

    Attributes
    ----------
    magnitudes : (C, H, W // 2 + 1) float64 array
        Of the real Fourier transform of each independent colour; zero at frequency zero.
    colors : (C, C) float64 array
        From independent colours to those of the picture.
    mean : (C,) float64 array
        Mean colour.
    size : (int, int)
        Height and width of the pictures.
    source : str
        Where it comes from, for the record.
    """

    magnitudes: NDArray[np.float64]
    colors: NDArray[np.float64]
    mean: NDArray[np.float64]
    size: tuple[int, int]
    source: str

    def pictures(self, phases: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pictures in [0, 1] with these phases, (n, C, H, W) from (n, C, H, W // 2 + 1)."""
        return _squashed(self.waves(phases))

    def waves(self, phases: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same before they are squashed into [0, 1]: around zero, with exact magnitudes."""
        own = np.fft.irfft2(self.magnitudes * np.exp(1j * free(phases, self.size[1])), s=self.size)
        mixed = np.einsum("dc,nchw->ndhw", self.colors, own)
        return np.asarray(mixed + (self.mean - 0.5)[:, None, None], np.float64)

    def slopes(
        self, phases: NDArray[np.float64], of_pictures: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Derivative with respect to the phases, from that with respect to `pictures`."""
        shares = _squashed(self.waves(phases))
        of_waves = of_pictures * _SLOPE * shares * (1 - shares)
        of_own = np.einsum("dc,ndhw->nchw", self.colors, of_waves)
        height, width = self.size
        values = self.magnitudes * np.exp(1j * free(phases, width))
        turned = -np.imag(values * np.conj(np.fft.rfft2(of_own)))
        return free(turned * _stands_for(width) / (height * width), width)


def free(phases: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Keep the part of phases that a real picture can have: opposite frequencies turn oppositely.

    A projection, so that it is its own transpose.

    Parameters
    ----------
    phases : (..., H, W // 2 + 1) array
        Phases.
    width : int
        W, the width of the picture.
    """
    found = phases.copy()
    for column in np.flatnonzero(_stands_for(width) == 1):
        own = phases[..., column]
        found[..., column] = (own - np.roll(own[..., ::-1], 1, axis=-1)) / 2
    return found


def natural_spectrum(size: tuple[int, int], channels: int) -> Spectrum:
    """Magnitudes that fall as one over the frequency, as those of natural pictures do.

    Parameters
    ----------
    size : (int, int)
        Height and width.
    channels : int
        Three have the correlations of natural colours; others are independent.

    Notes
    -----
    Field 1987, "Relations between the statistics of natural images and the response properties
    of cortical cells".
    """
    rows, columns = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    frequency = np.hypot(rows[:, None], columns[None])
    frequency[0, 0] = np.inf
    magnitudes = np.repeat((1 / frequency)[None], channels, axis=0)
    if channels == 3:
        colors = _OPPONENT.T * _SPREADS
        contrast = _CONTRAST * np.sqrt(3)
    else:
        colors, contrast = np.eye(channels), _CONTRAST
    unit = _with_deviation(magnitudes, size)
    return Spectrum(unit, contrast * colors, np.full(channels, 0.5), size, "natural, 1/f")


def spectrum_of(pictures: Iterable[NDArray[Any]], size: tuple[int, int], source: str) -> Spectrum:
    """Mean magnitudes and colours of pictures.

    Parameters
    ----------
    pictures : iterable of (C, H, W) arrays
        In [0, 1], of the size wanted; each is read once.
    size : (int, int)
        Height and width.
    source : str
        What they are, for the record.

    Returns
    -------
    Spectrum
        Of colours that are made independent by the covariance of all pixels.

    Raises
    ------
    UsageError
        If there is no picture, or all are of one colour.
    """
    kept = [np.asarray(p, np.float64) for p in pictures]
    if not kept:
        raise UsageError("a spectrum needs pictures; there is none")
    centred = [p - p.mean(axis=(1, 2), keepdims=True) for p in kept]
    spread = np.mean([np.einsum("chw,dhw->cd", p, p) / p[0].size for p in centred], axis=0)
    values, axes = np.linalg.eigh(spread)
    if values.max() < _LEAST**2:
        raise UsageError("the pictures of the data set are each of one colour: no spectrum")
    deviations = np.sqrt(np.maximum(values, (_LEAST**2) * values.max()))
    own = [np.einsum("cd,chw->dhw", axes, p) / deviations[:, None, None] for p in centred]
    magnitudes = np.mean([np.abs(np.fft.rfft2(p)) for p in own], axis=0)
    magnitudes[:, 0, 0] = 0
    mean = np.mean([p.mean(axis=(1, 2)) for p in kept], axis=0)
    colors = axes * deviations
    return Spectrum(magnitudes, colors, np.clip(mean, 0.05, 0.95), size, source)


def _with_deviation(magnitudes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Scale magnitudes so that pictures of any phases have standard deviation one (Parseval)."""
    height, width = size
    power = (magnitudes**2 * _stands_for(width)).sum(axis=(1, 2)) / (height * width) ** 2
    return np.asarray(magnitudes / np.sqrt(power)[:, None, None], np.float64)


def _stands_for(width: int) -> NDArray[np.float64]:
    """How many frequencies each column of a real transform stands for: itself, and its opposite."""
    count = np.full(width // 2 + 1, 2.0)
    count[0] = 1.0
    if width % 2 == 0:
        count[-1] = 1.0
    return count


def _squashed(waves: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-_SLOPE * waves)), np.float64)
