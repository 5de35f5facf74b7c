"""Calls that a command makes to write: each can be refused or be its last."""

import errno
import os
import signal
import sqlite3

import onnxplain.audit.store
import onnxplain.files
import onnxplain.process.leftovers

# Statements of SQLite that need no room.
_FREE = ("SELECT", "ROLLBACK")


class Calls:
    """Counts what makes, writes, syncs or renames a file or a folder of results.

    Parameters
    ----------
    counted : Path, optional
        Where the count stands at the end.
    """

    def __init__(self, counted=None):
        self.made, self._counted = 0, counted

    def at(self, number, begin, full):
        """Do what is to happen before a call; as it is, nothing.

        Parameters
        ----------
        number : int
            Its number.
        begin : callable
            Does a part of it.
        full : callable
            Makes the error of a full disk.
        """

    def need(self, begin=lambda: None, full=None):
        self.made += 1
        if self._counted:
            self._counted.write_text(str(self.made))
        self.at(self.made, begin, full or _no_room)

    def install(self):
        """Stand between the package and the system in this process."""

        def before(call):
            def called(*given, **extra):
                self.need()
                return call(*given, **extra)

            return called

        def fdopen(handle, *given, **extra):
            return _File(os.fdopen(handle, *given, **extra), self)

        def connect(*given, **extra):
            connection = sqlite3.connect(*given, **extra, factory=_Connection)
            connection.calls = self
            return connection

        onnxplain.files.os = _Module(
            os, fdopen=fdopen, fsync=before(os.fsync), replace=before(os.replace)
        )
        onnxplain.process.leftovers.os = _Module(os, open=before(os.open))
        onnxplain.audit.store.sqlite3 = _Module(sqlite3, connect=connect)
        os.mkdir = before(os.mkdir)


class FullDisk(Calls):
    """From the n-th call on there is no room."""

    def __init__(self, first):
        super().__init__()
        self._first = first

    def at(self, number, begin, full):
        if number >= self._first:
            raise full()


class LastCall(Calls):
    """The n-th call is half done when the process is killed."""

    def __init__(self, last):
        super().__init__()
        self._last = last

    def at(self, number, begin, full):
        if number == self._last:
            begin()
            os.kill(os.getpid(), signal.SIGKILL)


class _Module:
    """A module, with some functions of ours."""

    def __init__(self, module, **ours):
        self._module = module
        self.__dict__ |= ours

    def __getattr__(self, name):
        return getattr(self._module, name)


class _File:
    """A file whose writes are calls."""

    def __init__(self, file, calls):
        self._file, self._calls = file, calls

    def write(self, data):
        self._calls.need(lambda: self._half(data))
        return self._file.write(data)

    def _half(self, data):
        self._file.write(bytes(data)[: len(data) // 2])
        self._file.flush()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self._file.close()


class _Connection(sqlite3.Connection):
    """A store whose statements are calls."""

    def execute(self, statement, *given):
        if not statement.startswith(_FREE):
            self.calls.need(full=_no_pages)
        return super().execute(statement, *given)

    def executemany(self, *given):
        self.calls.need(full=_no_pages)
        return super().executemany(*given)


def _no_room():
    return OSError(errno.ENOSPC, "No space left on device")


def _no_pages():
    return sqlite3.OperationalError("database or disk is full")
