"""How different two colours look: CIEDE2000 (CIE 142-2001).

Formulas as in Sharma, Wu, Dalal 2005, "The CIEDE2000 color-difference formula: implementation
notes, supplementary test data, and mathematical observations", doi:10.1002/col.20070.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _TO_XYZ.sum(axis=1)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27

Numbers = NDArray[np.float64]


def cielab(colors: Numbers) -> Numbers:
    """CIELAB of sRGB colours in [0, 1] under D65 (IEC 61966-2-1, CIE 15); last axis of three."""
    linear = np.where(colors > 0.04045, ((colors + 0.055) / 1.055) ** 2.4, colors / 12.92)
    share = linear @ _TO_XYZ.T / _WHITE
    bent = np.where(share > _EPSILON, np.cbrt(share), (_KAPPA * share + 16) / 116)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: Numbers, other: Numbers) -> Numbers:
    """Difference of colours in CIELAB; 1 is about what is just noticed side by side.

    Parameters
    ----------
    one, other : (..., 3) arrays
        CIELAB; broadcast against each other.

    Returns
    -------
    (...) array
        Not negative, and the same both ways.
    """
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(v, -1, 0) for v in (one, other))
    shift = 0.5 * (1 - _seventh((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))
    a1, a2 = (1 + shift) * a1, (1 + shift) * a2
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    hue1, hue2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    # A grey has no hue: it takes that of the other colour.
    colored = chroma1 * chroma2 > 0
    apart = hue2 - hue1
    apart = apart + 360 * (apart < -180) - 360 * (apart > 180)
    turn = np.where(colored, apart, 0.0)
    hue = np.where(colored, hue1 + turn / 2, hue1 + hue2)
    wave = (
        1 - 0.17 * _cosine(hue - 30) + 0.24 * _cosine(2 * hue) + 0.32 * _cosine(3 * hue + 6)
        - 0.20 * _cosine(4 * hue - 63)
    )  # fmt: skip
    light, chroma = (l1 + l2) / 2 - 50, (chroma1 + chroma2) / 2
    lightness = (l2 - l1) / (1 + 0.015 * light**2 / np.sqrt(20 + light**2))
    saturation = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    turned = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2))
    tint = turned / (1 + 0.015 * chroma * wave)
    blue = 60 * np.exp(-((((hue % 360) - 275) / 25) ** 2))
    rotation = -2 * _seventh(chroma) * np.sin(np.radians(blue))
    squared = lightness**2 + saturation**2 + tint**2 + rotation * saturation * tint
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _seventh(chroma: Numbers) -> Numbers:
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _cosine(degrees: Numbers) -> Numbers:
    return np.asarray(np.cos(np.radians(degrees)))
