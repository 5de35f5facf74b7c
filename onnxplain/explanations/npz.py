"""Arrays from ``.npz`` files, which may come from anybody."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onnxplain.boundary import foreign
from onnxplain.errors import UsageError
from onnxplain.explanations.deflate import FAST, compress
from onnxplain.files import why_no_file

Arrays = dict[str, NDArray[Any]]
# Maps of a picture of 10,000 by 10,000, a few times.
_MOST_BYTES = 4 << 30
# Numbers and texts.
_KINDS = "biufU"
# Bytes by which an array is judged, and the share of them below which packing is worth its time:
# the pixels of a photo would take more of it than all other arrays, for a third of their size.
_SAMPLE, _WORTH = 1 << 12, 0.5


def write_npz(file: IO[bytes], arrays: Mapping[str, ArrayLike]) -> None:
    """Write arrays as ``numpy.savez_compressed`` does, in less time and hardly more space.

    Parameters
    ----------
    file : file
        Open for writing.
    arrays : mapping of str to array
        By name; nothing is pickled.
    """
    kind = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w", kind, compresslevel=FAST) as archive:
        for name, values in arrays.items():
            array = np.asanyarray(values)
            part = zipfile.ZipInfo(f"{name}.npy")
            part.compress_type = kind if _is_worth_packing(array) else zipfile.ZIP_STORED
            with archive.open(part, "w", force_zip64=True) as content:
                np.lib.format.write_array(content, array, allow_pickle=False)


def _is_worth_packing(values: NDArray[Any]) -> bool:
    """Whether packing makes an array much smaller, told by two pieces of it."""
    if values.nbytes <= 2 * _SAMPLE or values.dtype.hasobject:
        return True
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    pieces = flat[len(flat) // 3 :][:_SAMPLE], flat[2 * len(flat) // 3 :][:_SAMPLE]
    packed = sum(len(compress(piece, FAST)) for piece in pieces)
    return packed < _WORTH * sum(map(len, pieces))


def read_npz(path: str | Path, what: str) -> Arrays:
    """Read all arrays of a ``.npz`` file; nothing is unpickled.

    Parameters
    ----------
    path : path
        The file.
    what : str
        What it is meant to be, for the message.

    Raises
    ------
    UsageError
        If there is no such file, or it holds something else than arrays.
    """
    if problem := why_no_file(path):
        raise UsageError(f"no {what} at {str(path)!r}: {problem}")

    def refusal(why: str) -> UsageError:
        return UsageError(f"{str(path)!r} is not a {what}: {why}")

    # What is raised depends on which bytes are wrong: zlib's errors, NotImplementedError,
    # RuntimeError for what is encrypted, MemoryError for a shape that nobody can hold.
    with foreign(refusal):
        _check_sizes(path)
    with foreign(refusal), np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray):
            raise refusal(f"{name!r} in it is not an array")
        if values.dtype.kind not in _KINDS:
            raise refusal(f"{name!r} in it holds {values.dtype}")
    return arrays


def _check_sizes(path: str | Path) -> None:
    """Refuse a header that claims more than its part of the archive holds.

    NumPy makes the array first: a few bytes could take all memory.
    """
    with zipfile.ZipFile(path) as archive:
        total = sum(part.file_size for part in archive.infolist())
        if total > _MOST_BYTES:
            raise ValueError(f"it unpacks to {total:,} bytes, and {_MOST_BYTES:,} are the limit")
        for part in archive.infolist():
            if not part.filename.endswith(".npy"):
                continue
            with archive.open(part) as file:
                version = np.lib.format.read_magic(file)
                read = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }.get(version)
                if read is None:
                    continue
                shape, _, dtype = read(file)
            if math.prod(shape) * dtype.itemsize > part.file_size:
                raise ValueError(f"{part.filename!r} in it claims more values than it has")


def read_record(path: str | Path, what: str) -> tuple[dict[str, Any], Arrays]:
    """Read arrays of which one, ``record``, is the text of a JSON object.

    Parameters
    ----------
    path, what
        See `read_npz`.

    Returns
    -------
    dict
        The record.
    dict of str to array
        The other arrays.

    Raises
    ------
    UsageError
        Also if there is no such record.
    """
    arrays = read_npz(path, what)
    try:
        record = json.loads(str(arrays.pop("record")))
    except (KeyError, ValueError, RecursionError, SystemError) as error:  # of no characters
        raise UsageError(f"{str(path)!r} is not a {what}: its record is not JSON") from error
    if not isinstance(record, dict):
        raise UsageError(f"{str(path)!r} is not a {what}: its record is not a JSON object")
    return record, arrays
