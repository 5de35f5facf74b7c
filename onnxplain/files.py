"""Read small files with clear errors, and write files whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

from onnxplain.errors import OutputError, UsageError
from onnxplain.process.leftovers import temporary_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
MAX_JSON_BYTES = 50_000_000
# Of a table: short rows take many times their bytes in memory.
MAX_ROWS = 1_000_000
# Temporary files of what is being written.
_UNFINISHED: set[str] = set()


def why_no_file(path: str | Path) -> str:
    """Say why there is no regular file at a path; empty if there is one.

    Pipes and devices count as none: reading one may never end.
    """
    try:
        mode = os.stat(path).st_mode
    except ValueError:  # a NUL, or a character that no file name can hold
        return "no file can have that name"
    except FileNotFoundError:
        return "the link leads nowhere" if os.path.islink(path) else "it does not exist"
    except OSError as error:
        return error.strerror or type(error).__name__
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return "it is a folder"
    return "it is a pipe" if stat.S_ISFIFO(mode) else "it is a device or a socket"


def read_text(path: str | Path, what: str, most: int = MAX_JSON_BYTES) -> str:
    """Read a text file.

    Parameters
    ----------
    path : path
        The file.
    what : str
        What it is meant to be, for the message.
    most : int
        Bytes that it may have.

    Raises
    ------
    UsageError
        If it is missing, unreasonably large, not UTF-8, or has a NUL in it.
    """
    content = read_bytes(path, what, most)
    try:
        # With or without the mark that editors of Windows put first.
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig").read()
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {what} {str(path)!r}: it is not UTF-8 text") from error
    if "\0" in text:
        raise UsageError(f"cannot read {what} {str(path)!r}: it is not text: it contains a NUL")
    return text


def read_bytes(path: str | Path, what: str, most: int = MAX_JSON_BYTES) -> bytes:
    """Read a small file of any content; parameters as those of `read_text`.

    Raises
    ------
    UsageError
        If there is no regular file, or it is unreasonably large.
    """
    path = Path(path)
    problem = why_no_file(path)
    if problem and os.path.exists(path) and not os.path.isdir(path):
        # Reading a pipe or a device may never end.
        raise UsageError(f"cannot read {what} {str(path)!r}: {problem}")
    try:
        with open(path, "rb") as file:  # a file that grows is not read further than that
            content = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"cannot read {what} {str(path)!r}: {error.strerror}") from error
    except ValueError as error:  # of the path: a NUL, or a character that no name can hold
        raise UsageError(f"cannot read {what} {str(path)!r}: {why_no_file(path)}") from error
    if len(content) > most:
        raise UsageError(f"cannot read {what} {str(path)!r}: it is above {most:,} bytes")
    return content


def read_json(path: str | Path, what: str, most: int = MAX_JSON_BYTES) -> Any:
    """Read a JSON file; parameters and errors as those of `read_text`.

    Raises
    ------
    UsageError
        Also if it is not JSON, or has a number that no computer holds (``1e999``, ``NaN``).
    """
    text = read_text(path, f"{what} file", most)
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} file {str(path)!r} is not valid JSON: {error}") from error


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Read a TOML file; parameters and errors as those of `read_text`.

    Raises
    ------
    UsageError
        Also if it is not TOML.
    """
    return parse_toml(read_text(path, f"{what} file"), f"{what} file {str(path)!r}")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    UsageError
        If it is none; `where` says in the message where it stands.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not valid TOML: {error}") from error


@contextmanager
def whole_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only when complete.

    Raises
    ------
    OutputError
        If the folder or the file cannot be written.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = temporary_file(path)
        _UNFINISHED.add(temporary)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the name without the content
            if os.name == "nt":  # where an open file cannot be renamed
                file.close()
            os.replace(temporary, path)
            _UNFINISHED.discard(temporary)
            temporary = None
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}; choose another folder with -o"
        ) from error
    finally:
        if temporary is not None:
            _UNFINISHED.discard(temporary)
            with suppress(FileNotFoundError):
                os.unlink(temporary)


def remove_unfinished() -> None:
    """Remove what is being written: for a process that ends while threads still write."""
    for name in list(_UNFINISHED):
        with suppress(OSError):
            os.unlink(name)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all.

    What UTF-8 cannot hold, a byte of a file's name that is no character, is escaped.
    """
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_json(path: str | Path, data: Any) -> None:
    """Write a JSON document as `json_text` gives it, whole or not at all.

    Piece by piece: the text of a long list takes several times the list's memory.
    """
    with whole_file(path) as file:
        for piece in json.JSONEncoder(indent=1, allow_nan=False).iterencode(data):
            file.write(piece.encode("utf-8"))
        file.write(b"\n")


def json_text(data: Any) -> str:
    """JSON document as the files of this project hold it; NaN is refused."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def require_few_rows(rows: Iterable[T], what: str) -> Iterator[T]:
    """Yield the rows of a table, up to as many as one may have.

    Parameters
    ----------
    rows : iterable
        Read as they are asked for, so that too many take no memory.
    what : str
        What they are of, for the message.

    Raises
    ------
    UsageError
        If there are more than `MAX_ROWS`.
    """
    for number, row in enumerate(rows):
        if number == MAX_ROWS:
            raise UsageError(f"{what}: above {MAX_ROWS:,} rows, which is the limit; divide it")
        yield row


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV with a heading line, from rows of the same keys."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not a number that can be computed with")
