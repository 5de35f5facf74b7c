"""Read parts of a file, and hash all of it on the way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.identity import ModelFile, Stamp

_BLOCK = 1 << 20
_CHANGED = "it changed while it was being read; try again when no program is writing to it"


class HashedFile:
    """A file of which some parts are wanted, and the digest of the whole.

    Parts that are asked for in the order in which they lie are read once; of others, the
    digest is that of the first reading. Use it as a context manager.

    Parameters
    ----------
    path : Path
        The file.
    location : str
        See `onnxplain.identity.ModelFile`.

    Raises
    ------
    OSError
        If it cannot be read; so do the methods.
    """

    def __init__(self, path: Path, location: str) -> None:
        self._path, self._location = path, location
        self._digest, self._hashed = hashlib.sha256(), 0
        self._file = open(path, "rb")  # noqa: SIM115 - closed by __exit__
        self._stamp = Stamp.of(os.fstat(self._file.fileno()))
        self.bytes = self._stamp.bytes

    def __enter__(self) -> HashedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, offset: int, length: int) -> bytes:
        """Read so many bytes from a place on."""
        self._hash_up_to(offset)
        self._file.seek(offset)
        data = self._file.read(length)
        self._take(offset, data, len(data), length)
        return data

    def fill(self, offset: int, array: NDArray[Any]) -> None:
        """Read as many bytes as an array holds into it."""
        self._hash_up_to(offset)
        self._file.seek(offset)
        view = array.reshape(-1).view(np.uint8).data
        self._take(offset, view, self._file.readinto(view), len(view))

    def finish(self) -> ModelFile:
        """Hash what nobody asked for.

        Raises
        ------
        ValueError
            If the file changed while it was read.
        """
        self._hash_up_to(self.bytes)
        read = ModelFile(
            self._location, self.bytes, self._digest.hexdigest(), self._path, self._stamp
        )
        if read.changed or Stamp.of(os.fstat(self._file.fileno())) != self._stamp:
            raise ValueError(_CHANGED)
        return read

    def _hash_up_to(self, end: int) -> None:
        self._file.seek(self._hashed)
        while self._hashed < end:
            block = self._file.read(min(_BLOCK, end - self._hashed))
            if not block:
                raise ValueError(_CHANGED)
            self._digest.update(block)
            self._hashed += len(block)

    def _take(self, offset: int, data: bytes | memoryview, count: int, wanted: int) -> None:
        """Hash what of a part is new."""
        if count != wanted:
            raise ValueError(_CHANGED)
        known = self._hashed - offset
        if known < count:
            self._digest.update(memoryview(data)[known:])
            self._hashed = offset + count
