"""Which files a model is made of, and one digest that covers all of them.

How it is made, and how ``sha256sum`` makes it again, is told in ``docs/identity.md``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What the digest of the .onnx file is called among those of a model's parts. Results that were
# kept when it was the only digest call it so as well.
GRAPH = "model"


@dataclass(frozen=True)
class Stamp:
    """What tells without reading a file whether it is still the same: size, time, place."""

    bytes: int
    modified: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        """Take it from what the system says of a file."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


@dataclass(frozen=True)
class ModelFile:
    """One file of a model, as it was read.

    Attributes
    ----------
    location : str
        Of the .onnx file its name; of a file of weights the path from the model's folder, with
        ``/``, without ``.`` and ``..``.
    bytes : int
        Its size.
    sha256 : str
        Digest of its content.
    path : Path
        Where it was.
    stamp : Stamp
        Of the time when it was read.
    """

    location: str
    bytes: int
    sha256: str
    path: Path = field(compare=False, repr=False)
    stamp: Stamp = field(compare=False, repr=False)

    @property
    def changed(self) -> bool:
        """Whether another file is in its place by now, or none."""
        try:
            return Stamp.of(os.stat(self.path)) != self.stamp
        except OSError:
            return True

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: ``location``, ``bytes``, ``sha256``."""
        return {"location": self.location, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True)
class Identity:
    """What a model is: one digest, and the files that it covers.

    Attributes
    ----------
    sha256 : str
        Of a model in one file, the digest of that file; of several files, that of their
        `listing`; of a model in memory, that of its content. Empty if there is none.
    files : tuple of ModelFile
        The .onnx file, then its files of weights, sorted by location; none of a model that was
        given in memory.
    """

    sha256: str = ""
    files: tuple[ModelFile, ...] = ()

    @classmethod
    def of_files(cls, graph: ModelFile, weights: Iterable[ModelFile]) -> Identity:
        """Put the .onnx file and its files of weights together."""
        files = (graph, *sorted(weights, key=lambda f: f.location))
        one = len(files) == 1
        digest = graph.sha256 if one else hashlib.sha256(listing(files).encode()).hexdigest()
        return cls(digest, files)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(f.bytes for f in self.files)

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each part; see `digests`."""
        return digests(self.sha256, self.to_list())

    @property
    def changed(self) -> list[str]:
        """Locations at which there is another file, or none, since they were read."""
        return [f.location for f in self.files if f.changed]

    def to_list(self) -> list[dict[str, Any]]:
        """Each file as plain data for JSON; see `ModelFile.to_dict`."""
        return [f.to_dict() for f in self.files]


def listing(files: Sequence[ModelFile]) -> str:
    """What ``sha256sum`` prints of a model's files.

    The .onnx file is read from standard input, for it may be renamed; its content names the
    others, which cannot be.
    """
    graph, *weights = files
    return f"{graph.sha256}  -\n" + "".join(_line(f) for f in weights)


def digests(sha256: str, files: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Digest of each part of a model, by what a message calls it.

    Parameters
    ----------
    sha256 : str
        The digest that was written down for the model.
    files : sequence of mapping
        Its files as `Identity.to_list` has them; none if they were not written down. The
        digest is then that of the .onnx file alone.

    Returns
    -------
    dict of str to str
        `GRAPH` is the .onnx file; the others are called ``weights file 'model.onnx.data'``.
    """
    if not files:
        return {GRAPH: sha256}
    graph, *weights = files
    named = {f"weights file {f['location']!r}": str(f["sha256"]) for f in weights}
    return {GRAPH: str(graph["sha256"]), **named}


def differing(known: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Name the parts whose digests are not the same; see `digests`."""
    return [n for n in {**known, **found} if known.get(n) != found.get(n)]


def _line(file: ModelFile) -> str:
    # sha256sum marks a line whose file name it had to escape.
    name = file.location.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if name == file.location else chr(92)}{file.sha256}  {name}\n"
