"""What a worker process tells the process that watches it, and what it is told when it begins.

A worker does a whole command and notes what it has in hand. If native code ends it, what was in
hand is lost; a new worker does the same command again, takes what was finished from here, and
meets an error where the lost picture is. Without a worker all of this does nothing.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import pickle
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from onnxplain.errors import NativeFaultError

_STATE, _LOG, _SIGNS = "state.json", "log", "signs"
_SIGNS_BYTES = 8


class State(NamedTuple):
    """What a worker is told.

    Attributes
    ----------
    parent : int
        The process that watches.
    memory : int
        Bytes that it may take.
    lost : mapping of str to str
        What ended earlier workers, and how.
    careful : bool
        One thing at a time, so that it can be told what ends a worker.
    """

    parent: int
    memory: int
    lost: Mapping[str, str] = {}
    careful: bool = False


class Journal:
    """A worker's side of the folder that it shares with the process that watches.

    Parameters
    ----------
    folder : Path
        See `prepare_folder`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.state = State(**json.loads((folder / _STATE).read_text("utf-8")))
        self._said = {entry["said"] for entry in _entries(folder) if "said" in entry}
        self._log = os.open(folder / _LOG, os.O_APPEND | os.O_WRONLY)
        with open(folder / _SIGNS, "r+b") as file:
            self._signs = mmap.mmap(file.fileno(), _SIGNS_BYTES)
        self._count, self._lock = 0, threading.Lock()

    def note(self, **entry: object) -> None:
        """Write a line at once: it outlives this process."""
        os.write(self._log, json.dumps(entry).encode() + b"\n")

    def sign(self) -> None:
        """Show that something came back."""
        with self._lock:
            self._count += 1
            self._signs[:] = self._count.to_bytes(_SIGNS_BYTES, "little")

    def said_before(self, text: str) -> bool:
        """Whether an earlier worker of this command said a line; if not, note that it is said."""
        if text in self._said:
            return True
        self.note(said=text)
        return False

    def kept_file(self, key: str) -> Path:
        """Where the result of something is kept."""
        return self._folder / f"kept-{hashlib.sha256(os.fsencode(key)).hexdigest()}"


_CURRENT: list[Journal] = []


def begin_worker(folder: str | Path) -> Journal:
    """Make this process a worker."""
    _CURRENT[:] = [Journal(Path(folder))]
    return _CURRENT[0]


def current() -> Journal | None:
    """Return the journal, if this process is a worker."""
    return _CURRENT[0] if _CURRENT else None


@contextmanager
def in_hand(key: str, *, of_many: bool = True, whole: bool = True) -> Iterator[None]:
    """Work on something that native code may end this process with.

    Parameters
    ----------
    key : str
        What it is: a picture's path or name, the same in each worker of a command.
    of_many : bool
        Whether the command can go on without it.
    whole : bool
        Whether it is finished with this, and not only a part of it.

    Raises
    ------
    NativeFaultError
        If it ended an earlier worker.
    """
    journal = current()
    if journal is None:
        yield
        return
    if key in journal.state.lost:
        raise NativeFaultError(journal.state.lost[key])
    journal.sign()
    journal.note(begin=key, of_many=of_many)
    try:
        yield
    finally:
        journal.note(end=key, of_many=of_many, whole=whole)
        journal.sign()


def keep(key: str, made: object) -> None:
    """Keep what was made of something for the next worker."""
    journal = current()
    if journal is None:
        return
    file = journal.kept_file(key)
    unfinished = file.with_suffix(".new")
    unfinished.write_bytes(pickle.dumps(made))
    os.replace(unfinished, file)


def recall(key: str) -> Any:
    """Return what an earlier worker made of something; ``None`` if none did."""
    journal = current()
    if journal is None or not journal.kept_file(key).exists():
        return None
    # Written by a worker of this command into a folder that nobody else may write to.
    return pickle.loads(journal.kept_file(key).read_bytes())


def sign_of_life() -> None:
    """Show that native code came back, if anybody watches."""
    if (journal := current()) is not None:
        journal.sign()


def is_careful() -> bool:
    """Whether one thing is to be done at a time."""
    journal = current()
    return journal is not None and journal.state.careful


def said_before(text: str) -> bool:
    """Whether an earlier worker of this command said a line."""
    journal = current()
    return journal is not None and journal.said_before(text)


def prepare_folder(folder: Path, state: State) -> None:
    """Lay out the folder of the next worker; what earlier ones wrote stays, what they held not."""
    (folder / _STATE).write_text(json.dumps(state._asdict()), "utf-8")
    (folder / _SIGNS).write_bytes(bytes(_SIGNS_BYTES))
    with open(folder / _LOG, "ab") as log:
        log.write(b'\n{"worker": true}\n')


def signs_in(folder: Path) -> bytes:
    """Return what changes with each sign of life."""
    return (folder / _SIGNS).read_bytes()


class Held(NamedTuple):
    """What the last worker has in hand, and what it has finished.

    Attributes
    ----------
    keys : list of str
        Of what the command could go on without.
    others : list of str
        Of what it could not.
    finished : int
        How many of the first kind it has finished.
    """

    keys: list[str]
    others: list[str]
    finished: int


def held_in(folder: Path) -> Held:
    """Read what the last worker has in hand."""
    begun: Counter[tuple[str, bool]] = Counter()
    finished = 0
    for entry in _entries(folder):
        if "worker" in entry:
            begun.clear()
            finished = 0
        elif "begin" in entry:
            begun[entry["begin"], entry["of_many"]] += 1
        elif "end" in entry:
            begun[entry["end"], entry["of_many"]] -= 1
            finished += entry["of_many"] and entry["whole"]
    now = [key for key, count in begun.items() if count > 0]
    return Held([k for k, many in now if many], [k for k, many in now if not many], finished)


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    with open(folder / _LOG, encoding="utf-8") as file:
        for text in file:
            try:
                entry = json.loads(text)
            except ValueError:  # cut off with the process that wrote it
                continue
            yield entry
