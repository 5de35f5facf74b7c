"""The hash tree of a folder: SHA-256 of every file, and one root over all of them.

The root is the Merkle tree hash of RFC 6962 (section 2.1). A leaf is one line of text:
``SHA-256, two spaces, size in bytes, two spaces, path, newline``.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import read_bytes

TREE, SIGNATURE = "tree.json", "signature.json"
FORMAT = 1
# What the tree cannot cover: itself, and what is signed afterwards.
OUTSIDE = frozenset((TREE, SIGNATURE))
MAX_FILES = 1_000_000
_MOST_BYTES = 300_000_000
_MOST_PATH = 1000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Leaf:
    """One file: its path with ``/`` from the folder, its size and its digest."""

    path: str
    bytes: int
    sha256: str

    @property
    def line(self) -> builtins.bytes:
        """What the tree hashes."""
        return f"{self.sha256}  {self.bytes}  {self.path}\n".encode()


def root(leaves: Sequence[bytes]) -> str:
    """Merkle tree hash of RFC 6962, as hexadecimal digits."""
    return _hash(leaves).hex()


def _hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + _hash(leaves[:half]) + _hash(leaves[half:])).digest()


def tree_bytes(leaves: Sequence[Leaf]) -> bytes:
    """Content of `TREE`; there is one way to write it, so that any change of a byte shows."""
    files = [asdict(leaf) for leaf in leaves]
    data = {"files": files, "format": FORMAT, "root": root([leaf.line for leaf in leaves])}
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def measured(folder: str | Path) -> list[Leaf]:
    """Digest of every file in a folder but `OUTSIDE`, sorted by the bytes of their paths.

    Raises
    ------
    UsageError
        If there is something that is neither file nor folder, or cannot be read.
    """
    found = []
    for path in listed(folder):
        if path in OUTSIDE:
            continue
        if problem := path_problem(path):
            raise UsageError(f"{path!r} cannot be part of a dossier: {problem}")
        found.append(Leaf(path, *digest(Path(folder, path))))
    return found


def listed(folder: str | Path) -> list[str]:
    """Everything in a folder that is no folder, sorted; links are listed and not followed."""
    found, base = [], os.fspath(folder)
    for where, folders, files in os.walk(base):
        links = [name for name in folders if os.path.islink(os.path.join(where, name))]
        for name in (*files, *links):
            path = os.path.relpath(os.path.join(where, name), base)
            found.append(path.replace(os.sep, "/"))
            if len(found) > MAX_FILES + len(OUTSIDE):
                raise UsageError(f"{base!r}: above {MAX_FILES:,} files, which is the limit")
    return sorted(found, key=os.fsencode)


def digest(path: str | Path, most: int | None = None) -> tuple[int, str]:
    """Size and SHA-256 of a regular file, no link; read no further than one byte above `most`.

    Raises
    ------
    UsageError
        If it is no regular file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise UsageError("it is a link, a pipe or a device, not a file")
        found, size = hashlib.sha256(), 0
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
                size += len(chunk)
                if most is not None and size > most:
                    break
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror or error}") from error
    return size, found.hexdigest()


def path_problem(path: str) -> str:
    """Say why a path may not be in a tree; empty if it may."""
    if not path or len(path) > _MOST_PATH:
        return "it is empty or too long"
    if any(not c.isprintable() or c in "\\:" for c in path):
        return "it holds a backslash, a colon or a control character"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it leads out of the folder"
    return ""


def read_tree(folder: str | Path) -> tuple[list[Leaf], bytes]:
    """Read the tree of a dossier, and its bytes.

    Raises
    ------
    UsageError
        If it is missing, damaged, or names a path that leads out of the folder.
    """
    path = Path(folder, TREE)
    if path.is_symlink():
        raise UsageError(f"{TREE}: it is a link, not a file")
    content = read_bytes(path, "the tree", _MOST_BYTES)
    try:
        data = json.loads(content)
        leaves = [_leaf(entry) for entry in data["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{TREE}: it is not the tree of a dossier: {error}") from error
    for leaf in leaves:
        if problem := path_problem(leaf.path):
            raise UsageError(f"{TREE}: the path {leaf.path[:200]!r} is refused: {problem}")
    paths = [leaf.path for leaf in leaves]
    ordered = sorted(set(paths), key=os.fsencode)
    if paths != ordered or OUTSIDE & set(paths) or len(paths) > MAX_FILES:
        raise UsageError(f"{TREE}: its paths are not sorted, or one is not allowed")
    if content != tree_bytes(leaves):
        raise UsageError(f"{TREE}: its content was changed: its root is not that of its entries")
    return leaves, content


def _leaf(entry: Any) -> Leaf:
    path, size, sha256 = entry["path"], entry["bytes"], entry["sha256"]
    if not (isinstance(path, str) and isinstance(sha256, str) and _DIGEST.fullmatch(sha256)):
        raise ValueError("an entry has no path or no SHA-256")
    if type(size) is not int or size < 0:
        raise ValueError("an entry has no size")
    return Leaf(path, size, sha256)
