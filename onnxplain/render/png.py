"""PNG files of colour pictures, written in a fifth of Pillow's time.

Pillow tries five filters on each row. One filter for all rows costs about a sixth of the size and
needs a few passes of NumPy.
"""

from __future__ import annotations

import struct
from typing import IO

import numpy as np
from numpy.typing import NDArray

from onnxplain.deflate import FAST, compress, crc32

_MAGIC = b"\x89PNG\r\n\x1a\n"
_DEPTH, _RGB, _AVERAGE = 8, 2, 3


def write_png(file: IO[bytes], pixels: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) pixels as PNG.

    Parameters
    ----------
    file : file
        Open for writing.
    pixels : (H, W, 3) uint8 array
        Red, green and blue.
    """
    height, width, _ = pixels.shape
    data = compress(_filtered(pixels), FAST)
    file.write(_MAGIC)
    head = struct.pack(">IIBBBBB", width, height, _DEPTH, _RGB, 0, 0, 0)
    for kind, content in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b"")):
        file.write(struct.pack(">I", len(content)) + kind + content)
        file.write(struct.pack(">I", crc32(content, crc32(kind))))


def _filtered(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Rows of what is left of each byte after the mean of those beside and above it."""
    height, width, count = pixels.shape
    rows = pixels.reshape(height, width * count)
    left, above = np.zeros_like(rows), np.zeros_like(rows)
    left[:, count:], above[1:] = rows[:, :-count], rows[:-1]
    found = np.full((height, 1 + width * count), _AVERAGE, np.uint8)
    # The mean of two bytes, rounded down, without a larger type.
    np.subtract(rows, (left & above) + ((left ^ above) >> 1), out=found[:, 1:])
    return found
