"""Temporary files and folders, and those that killed runs left behind.

Whoever makes one holds a lock on it for as long as it is in use; the system lets go of the lock
with the process, however that ends. So what bears our name and is not locked belongs to nobody,
and the next run that writes to the same place removes it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: a file that is open cannot be removed there, which is a lock too
    fcntl = None  # type: ignore[assignment]

_FILE = re.compile(r"\..{0,40}\.onnxplain-[0-9a-f]{8}", re.DOTALL)
_FOLDER = re.compile(r"onnxplain-[a-z]+-[a-z0-9_]{8}")
_LOCK = "lock"
# A folder appears before its lock does.
_YOUNG_SECONDS = 60.0
_CLEARED: set[str] = set()


def temporary_file(path: Path) -> tuple[int, str]:
    """Make a locked file beside a path, for what is to become the file there.

    Returns
    -------
    int
        Its descriptor; closing it ends the lock, so give the file its name before.
    str
        Its name.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    _clear_once(path.parent, _FILE, _remove_file)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        # Short, so that a name that is as long as may be can have a temporary one.
        name = str(path.parent / f".{path.name[:40]}.onnxplain-{secrets.token_hex(4)}")
        # With the rights that the process gives files, which `mkstemp` does not.
        with suppress(FileExistsError):
            handle = os.open(name, flags, 0o666)
            if not _locked(handle) or os.path.exists(name):
                return handle, name
            os.close(handle)  # another run took it for a leftover before it was locked


@contextmanager
def temporary_folder(what: str) -> Iterator[Path]:
    """Make a folder that is gone when the context is left.

    Parameters
    ----------
    what : str
        A word of small letters for its name.
    """
    root = Path(tempfile.gettempdir())
    _clear_once(root, _FOLDER, _remove_folder)
    folder = Path(tempfile.mkdtemp(prefix=f"onnxplain-{what}-", dir=root))
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _locked(lock)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _clear_once(folder: Path, names: re.Pattern[str], remove: Callable[[str], None]) -> None:
    where = os.path.realpath(folder)
    if where in _CLEARED:
        return
    _CLEARED.add(where)
    # That a leftover stays harms nobody; no run may fail for it.
    with suppress(OSError), os.scandir(where) as entries:
        for name in [e.name for e in entries if names.fullmatch(e.name)]:
            with suppress(OSError):
                remove(os.path.join(where, name))


def _remove_file(path: str) -> None:
    if _is_left(path):
        os.unlink(path)


def _remove_folder(path: str) -> None:
    about = os.lstat(path)
    ours = stat.S_ISDIR(about.st_mode) and about.st_uid == _user()
    lock = os.path.join(path, _LOCK)
    if not ours or not _is_old(about):
        return
    if not os.path.lexists(lock):
        # Killed before it was locked, and then empty; or somebody else's, whatever its name.
        os.rmdir(path)
    elif _is_left(lock):
        shutil.rmtree(path)


def _is_old(about: os.stat_result) -> bool:
    return time.time() - about.st_mtime > _YOUNG_SECONDS


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _is_left(path: str) -> bool:
    """Whether a file is a regular one that nobody holds a lock on."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    if fcntl is None:
        return True
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock a file unless somebody else has; false also where files cannot be locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
