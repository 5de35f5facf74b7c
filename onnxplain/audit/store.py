"""Results of a long run, kept as they come: a run that is killed goes on where it stopped.

One SQLite file. Each picture is one transaction, so that whatever ends the process - a
kill, a full disk, a power cut - a result is in the file as a whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.records.pictures import Picture, SanityPicture
from onnxplain.audit.records.plain import build
from onnxplain.errors import OutputError, UsageError

# Kinds of results: of a picture, of the sanity checks on a picture, and (one for all) of
# places put into other pictures.
PICTURES, SANITY, TRANSPLANTS = "picture", "sanity", "transplants"
_FORMAT = 1
_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE results (kind TEXT NOT NULL, number INTEGER NOT NULL, value TEXT NOT NULL,
                      PRIMARY KEY (kind, number)) WITHOUT ROWID;
CREATE TABLE maps (number INTEGER NOT NULL, method TEXT NOT NULL, values_ BLOB NOT NULL,
                   PRIMARY KEY (number, method)) WITHOUT ROWID;
"""


class Results(Protocol):
    """What sums are made of: the store of an audit, or the record that was made of it."""

    def pictures(self) -> Iterator[Picture]:
        """All pictures in the order of their numbers."""
        ...

    def sanity(self) -> Iterator[SanityPicture]:
        """All pictures on which sanity was checked, in the order of their numbers."""
        ...

    def transplants(self) -> Iterator[Mapping[str, Any]]:
        """All places that were tried, see `onnxplain.audit.shortcuts.transplant.Transplant`."""
        ...

    def map(self, number: int, method: str) -> NDArray[np.float32] | None:
        """Map of a picture, flat; ``None`` if there is none."""
        ...


class Store:
    """Results by kind and number, with the map of each picture and method.

    Use it as a context manager.

    Parameters
    ----------
    path : path
        The file; made if it is not there.
    identity : mapping of str to str
        What the results belong to: digests of model, data and questions, by what a message
        calls them.

    Raises
    ------
    UsageError
        If the file holds results of other things, or is no store.
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, str]) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {str(self.path)!r}: {error.strerror}") from error
        with self._errors():
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            # Durable after each picture, and readable by others meanwhile.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
        self._begin({"format": str(_FORMAT), **identity})
        self._file = self.path.stat().st_ino

    def add(
        self,
        kind: str,
        number: int,
        value: Mapping[str, Any],
        maps: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        """Keep one result, whole and durable when this returns.

        Raises
        ------
        OutputError
            If it cannot be written, or the file was removed meanwhile.
        """
        self.require_there()
        with self._errors(), self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?)",
                (kind, number, json.dumps(value, allow_nan=False)),
            )
            for method, values in (maps or {}).items():
                blob = np.ascontiguousarray(values, np.float32).tobytes()
                self._connection.execute(
                    "INSERT OR REPLACE INTO maps VALUES (?, ?, ?)", (number, method, blob)
                )

    def require_there(self) -> None:
        """Check that the file is still where it was opened.

        Raises
        ------
        OutputError
            If it is not: what is written to it then is lost.
        """
        try:
            there = self.path.stat().st_ino == self._file
        except OSError:
            there = False
        if not there:
            raise OutputError(
                f"{str(self.path)!r} was removed or replaced while the audit ran, so its results "
                "are lost; start again"
            )

    def done(self, kind: str) -> set[int]:
        """Numbers that have a result of a kind."""
        with self._errors():
            rows = self._connection.execute("SELECT number FROM results WHERE kind = ?", (kind,))
            return {number for (number,) in rows}

    def results(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """All results of a kind in the order of their numbers; read one by one."""
        with self._errors():
            rows = self._connection.execute(
                "SELECT number, value FROM results WHERE kind = ? ORDER BY number", (kind,)
            )
            for number, value in rows:
                yield number, json.loads(value)

    def pictures(self) -> Iterator[Picture]:
        """All pictures in the order of their numbers; read one by one."""
        for number, value in self.results(PICTURES):
            yield build(Picture, {**value, "number": number})

    def sanity(self) -> Iterator[SanityPicture]:
        """All pictures on which sanity was checked, in the order of their numbers."""
        for number, value in self.results(SANITY):
            yield build(SanityPicture, {**value, "number": number})

    def transplants(self) -> Iterator[Mapping[str, Any]]:
        """All places that were tried."""
        for _, value in self.results(TRANSPLANTS):
            yield from value["transplants"]

    def map(self, number: int, method: str) -> NDArray[np.float32] | None:
        """Map of a picture, flat; ``None`` if there is none."""
        with self._errors():
            row = self._connection.execute(
                "SELECT values_ FROM maps WHERE number = ? AND method = ?", (number, method)
            ).fetchone()
        return None if row is None else np.frombuffer(row[0], np.float32)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def _begin(self, about: Mapping[str, str]) -> None:
        with self._errors(), self._transaction():
            names = self._connection.execute("SELECT name FROM sqlite_master").fetchall()
            if not names:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
                return
            if ("about",) not in names:
                raise UsageError(f"{str(self.path)!r} is a database, but not that of an audit")
            known = dict(self._connection.execute("SELECT key, value FROM about"))
        for key, value in about.items():
            if key not in known:
                raise UsageError(
                    f"{str(self.path)!r} was begun by an earlier version of onnxplain, which "
                    f"stored less (it does not know {key!r}); choose another folder with -o, or "
                    "delete it"
                )
            if known[key] != value:
                raise UsageError(
                    f"{str(self.path)!r} holds the results of another audit (not the same {key}); "
                    "choose another folder with -o, or delete it"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended it
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise OutputError(
                    f"cannot write results to {str(self.path)!r}: {error}; results so far are "
                    "kept: free some space and run the same command again"
                ) from error
            raise UsageError(f"{str(self.path)!r} is not a store of results: {error}") from error
