"""Arrays from ``.npy`` files, which may come from anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUFFIX = ".npy"


def read_array(path: str | Path) -> NDArray[Any]:
    """Read an array of numbers.

    The file is mapped before it is read, so that a header that claims more than the file
    holds takes no memory; nothing is unpickled.

    Raises
    ------
    ValueError
        If there is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError("there is no such file")
    try:
        found = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy raises whatever a damaged header leads to
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"it is not an array of numbers in NumPy's format ({reason})") from error
    if found.dtype.kind not in "biuf":
        raise ValueError("it is not an array of numbers in NumPy's format")
    return np.array(found)
