"""Maps from the store of an audit that somebody else made: read, never written, for seconds."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.files import why_no_file

_TABLES = {"about", "results", "maps"}
# One look-up takes milliseconds; a table that computes itself might never end.
_SECONDS, _STEPS = 10.0, 100_000


class StoredMaps:
    """Maps of single pictures, from a file that nobody vouches for.

    Use it as a context manager.

    Parameters
    ----------
    path : path
        The file.
    identity : mapping of str to str
        What the results have to belong to.

    Raises
    ------
    UsageError
        If it cannot be read, is no store of an audit, or that of another one.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, str]) -> None:
        self.path = Path(path)
        if problem := why_no_file(path):
            raise self._no_store(problem)
        for beside in ("-wal", "-shm", "-journal"):
            other = f"{path}{beside}"
            if os.path.lexists(other) and (problem := why_no_file(other)):
                raise self._no_store(f"{other!r} beside it: {problem}")
        self._deadline = math.inf
        self._connection = self._opened()
        self._connection.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS)
        try:
            self._check(identity)
        except BaseException:
            self._connection.close()
            raise

    def map(self, number: int, method: str) -> NDArray[np.float32] | None:
        """Map of a picture, flat; ``None`` if there is none.

        Raises
        ------
        UsageError
            If it is not a square of numbers, as maps of audits are.
        """
        rows = self._rows(
            "SELECT values_ FROM maps WHERE number = ? AND method = ?", (number, method)
        )
        if not rows:
            return None
        values = rows[0][0]
        count = len(values) // 4 if isinstance(values, bytes) else 0
        if not isinstance(values, bytes) or not count or 4 * math.isqrt(count) ** 2 != len(values):
            raise self._no_store(
                f"the map of {method} of picture {number} is not a square of numbers"
            )
        found = np.frombuffer(values, np.float32)
        if not np.isfinite(found).all():
            raise self._no_store(f"the map of {method} of picture {number} holds NaN or Inf")
        return found

    def __enter__(self) -> StoredMaps:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        """Open the file; only with its journal if that needs nothing to be written."""
        path = os.path.abspath(self.path)
        ways = ["mode=ro&immutable=1"]
        if os.path.exists(f"{path}-wal"):
            ways.insert(0, "mode=ro")
        for way in ways:
            try:
                address = f"file:{quote(os.fsencode(path))}?{way}"
                connection = sqlite3.connect(address, uri=True)
                connection.execute("PRAGMA schema_version")
            except sqlite3.Error as error:
                problem = str(error)
                continue
            return connection
        raise self._no_store(problem)

    def _check(self, identity: Mapping[str, str]) -> None:
        self._rows("PRAGMA trusted_schema=OFF")
        known = self._rows("SELECT name, type FROM sqlite_master")
        # SQLite makes an index for each primary key itself.
        made = {(n, kind) for n, kind in known if not (kind == "index" and n.startswith("sqlite_"))}
        if made != {(n, "table") for n in _TABLES}:
            raise self._no_store("it has other tables")
        about: dict[Any, Any] = dict(self._rows("SELECT key, value FROM about LIMIT 1000"))
        for key, value in identity.items():
            if about.get(key) != value:
                raise UsageError(
                    f"{str(self.path)!r} holds the results of another audit (not the same {key})"
                )

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        self._deadline = time.monotonic() + _SECONDS
        try:
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise self._no_store(str(error)) from error

    def _no_store(self, why: str) -> UsageError:
        return UsageError(f"{str(self.path)!r} is not a store of results: {why}")
