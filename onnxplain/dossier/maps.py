"""The maps of an audit as arrays that every program for numbers can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.audit.records.record import Record
from onnxplain.files import whole_file

MAPS = "maps"
Stored = Callable[[int, str], Any]


def write_maps(record: Record, stored: Stored, folder: Path) -> list[str]:
    """Write one array for each method, a row for each of the record's pictures in its order.

    A picture without a map has a row of NaN.

    Parameters
    ----------
    record : Record
        The pictures and methods.
    stored : callable
        The map, flat, of (number of picture, name of method), or ``None``.
    folder : path
        The dossier.

    Returns
    -------
    list of str
        Names of the methods that have no map.
    """
    lacking = []
    for method in sorted(record.methods):
        maps = [stored(picture.number, method) for picture in record.pictures]
        side = next((int(np.sqrt(len(m))) for m in maps if m is not None), None)
        if side is None:
            lacking.append(method)
            continue
        rows = np.full((len(maps), side, side), np.nan, "<f4")
        for row, found in zip(rows, maps, strict=True):
            if found is not None and found.size == row.size:
                row[:] = found.reshape(side, side)
        name = re.sub(r"[^a-z0-9-]", "_", method)
        with whole_file(folder / MAPS / f"{name}.npy") as file:
            np.save(file, rows)
    return lacking
