"""Read an array from a ``.npy`` file that nobody vouches for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from onnxplain.errors import UsageError

MAX_BYTES = 1 << 30


def read_array(path: str | Path, what: str) -> NDArray[Any]:
    """Read numbers from a ``.npy`` file; its header is checked before anything is allocated.

    Parameters
    ----------
    path : path
        The file.
    what : str
        What it is meant to be, for the message.

    Raises
    ------
    UsageError
        If it is missing, damaged, unreasonably large, or holds no finite numbers.
    """
    path = Path(path)
    where = f"{what} {str(path)!r}"
    if not path.is_file():
        raise UsageError(f"cannot read {where}: there is no such file")
    try:
        with path.open("rb") as file:
            version = npy.read_magic(file)
            reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = reader(file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > MAX_BYTES:
            raise UsageError(f"{where} holds objects, or more than {MAX_BYTES:,} bytes")
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError, OverflowError) as error:
        raise UsageError(f"{where} is not an array as np.save writes it: {error}") from error
    if found.dtype.kind not in "fiub" or not np.isfinite(found).all():
        raise UsageError(f"{where} must hold finite numbers, it holds {found.dtype}")
    return np.asarray(found)
