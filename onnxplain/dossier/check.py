"""Is a dossier what was written: its tree, its files, its signature."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from onnxplain.dossier.signature import (
    MOST_ENVELOPE,
    read_public,
    require_library,
    signature_problem,
)
from onnxplain.dossier.tree import OUTSIDE, SIGNATURE, TREE, digest, listed, read_tree
from onnxplain.errors import UsageError
from onnxplain.files import read_bytes

ABOUT, SIGNER = "dossier.json", "signer.pem"


@dataclass(frozen=True)
class Checked:
    """What was found of a dossier.

    Attributes
    ----------
    problems : list of str
        What differs, is missing or is additional, each with its path first.
    remarks : list of str
        What was not checked.
    """

    problems: list[str]
    remarks: list[str]


def is_dossier(path: str | Path) -> bool:
    """Whether a path is a folder with a tree."""
    return os.path.isdir(path) and os.path.lexists(os.path.join(path, TREE))


def check_dossier(folder: str | Path, key: str | None = None) -> Checked:
    """Compare a dossier with its tree, and its signature with a key.

    Parameters
    ----------
    folder : path
        The dossier; nothing outside of it is read.
    key : str, optional
        File of the public key of who signed it. If it is not given, the key in the dossier is
        taken: that shows changes, and not who made them.
    """
    try:
        leaves, tree = read_tree(folder)
    except UsageError as error:
        return Checked([str(error)], [])
    try:
        there = set(listed(folder)) - OUTSIDE
    except UsageError as error:
        return Checked([str(error)], [])
    known = {leaf.path: leaf for leaf in leaves}
    problems = []
    for path in sorted({*known, *there}, key=os.fsencode):
        leaf = known.get(path)
        if leaf is None:
            problems.append(f"{path}: it is additional")
        elif path not in there:
            problems.append(f"{path}: it is missing")
        elif why := _differs(Path(folder, path), leaf.bytes, leaf.sha256):
            problems.append(f"{path}: {why}")
    if not problems:
        return _signed(Path(folder), tree, key)
    return Checked(problems, ["the signature: the files differ already"])


def _differs(path: Path, size: int, sha256: str) -> str:
    try:
        found = digest(path, size)
    except UsageError as error:
        return str(error)
    return "" if found == (size, sha256) else "its content differs"


def _signed(folder: Path, tree: bytes, key: str | None) -> Checked:
    there = os.path.lexists(folder / SIGNATURE)
    if not there:
        if key is not None or (folder / SIGNER).exists():
            return Checked([f"{SIGNATURE}: it is missing"], [])
        return Checked([], ["who made it: the dossier is not signed"])
    if (folder / SIGNATURE).is_symlink():
        return Checked([f"{SIGNATURE}: it is a link, not a file"], [])
    if key is None and not (folder / SIGNER).exists():
        return Checked([f"{SIGNATURE}: it is additional"], [])
    require_library()
    try:
        content = read_bytes(folder / SIGNATURE, "the signature", MOST_ENVELOPE)
    except UsageError as error:
        return Checked([f"{SIGNATURE}: {error}"], [])
    problem = signature_problem(content, tree, read_public(key or folder / SIGNER))
    remarks = [] if key else [f"who signed it: give the signer's public key; {SIGNER} is not proof"]
    return Checked([f"{SIGNATURE}: {problem}"] if problem else [], remarks)
