#!/usr/bin/env python3
"""Check a dossier of an audit without the program that made it.

    python verify_dossier.py FOLDER [--key PUBLIC.pem] [--sample N] [--threads N]
        [--tree-only]

Take this file, and repeat_figures.py beside it, from a source that you trust: the copies in a
dossier could have been changed with it.

1. Hash tree (standard library): every file is there, has its SHA-256, and nothing is additional.
2. Signature (needs the package cryptography): --key is the public key of who signed.
3. Predictions (need numpy, onnxruntime and Pillow): each picture is put into the model again, as
   the record says. A probability may differ by 1e-4, another score by 1e-4 of its size if that is
   above 1. This runs the model file; do it only for models that you would run anyway.
4. Occlusion, if the audit asked for it: on --sample pictures, evenly spread, each window is covered
   again as the record says, and the maps and their shares of evidence are compared. A value of the
   map may differ by 1e-4 as a probability does, a share by 0.005.

Exit codes: 0 all that was checked agrees; 1 something differs; 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.util
import json
import os
import stat
import sys
from typing import Any

TREE, SIGNATURE, SIGNER = "tree.json", "signature.json", "signer.pem"
FIGURES, SAMPLE = "repeat_figures.py", 10
MOST_TREE, MOST_JSON, MOST_SMALL, MOST_FILES = 300_000_000, 500_000_000, 100_000, 1_000_000
PAYLOAD = b"application/vnd.in-toto+json"


class DiffersError(Exception):
    """Something is not as the dossier says."""


class UncheckedError(Exception):
    """Something cannot be checked here."""


def read(path: str, most: int) -> bytes:
    """Content of a regular file, no link, of limited size."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise DiffersError(f"{os.path.basename(path)}: it is not a regular file")
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise DiffersError(f"{os.path.basename(path)}: {error.strerror}") from error
    if len(content) > most:
        raise DiffersError(f"{os.path.basename(path)}: it is above {most} bytes")
    return content


def node(lines: list[bytes]) -> bytes:
    """Merkle tree hash of RFC 6962, section 2.1."""
    if len(lines) < 2:
        return hashlib.sha256(b"\x00" + lines[0] if lines else b"").digest()
    k = 1
    while k * 2 < len(lines):
        k *= 2
    return hashlib.sha256(b"\x01" + node(lines[:k]) + node(lines[k:])).digest()


def allowed(path: Any) -> bool:
    """Whether a path stays in the folder on every system."""
    return (
        isinstance(path, str)
        and 0 < len(path) <= 1000
        and path not in (TREE, SIGNATURE)
        and not any(c in "\\:" or not c.isprintable() for c in path)
        and not any(part in ("", ".", "..") for part in path.split("/"))
    )


def tree_of(content: bytes) -> dict[str, tuple[int, str]]:
    """Size and digest of each path of a tree file, whose own form and root are checked."""
    try:
        data = json.loads(content)
        files = {f["path"]: (f["bytes"], f["sha256"]) for f in data["files"]}
        paths = [f["path"] for f in data["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DiffersError(f"{TREE}: it is not a tree: {error}") from error
    for path in paths:
        if not allowed(path):
            raise DiffersError(f"{TREE}: the path {str(path)[:200]!r} is not allowed")
    if len(paths) > MOST_FILES or paths != sorted(files, key=os.fsencode):
        raise DiffersError(f"{TREE}: its paths are too many, double or not sorted")
    lines = [f"{sha}  {size}  {path}\n".encode() for path, (size, sha) in files.items()]
    entries = [{"bytes": s, "path": p, "sha256": h} for p, (s, h) in files.items()]
    again = {"files": entries, "format": 1, "root": node(lines).hex()}
    if content != (json.dumps(again, indent=1, sort_keys=True) + "\n").encode():
        raise DiffersError(f"{TREE}: it was changed: its root is not that of its entries")
    if any(type(s) is not int or type(h) is not str or len(h) != 64 for s, h in files.values()):
        raise DiffersError(f"{TREE}: an entry has no size or no SHA-256")
    return files


def everything_in(folder: str) -> set[str]:
    """Paths of all that is no folder; a link counts as a file and is not followed."""
    found = set()
    for where, folders, files in os.walk(folder):
        for name in files + [f for f in folders if os.path.islink(os.path.join(where, f))]:
            path = os.path.relpath(os.path.join(where, name), folder).replace(os.sep, "/")
            found.add(path)
            if len(found) > MOST_FILES + 2:
                raise DiffersError(f"{TREE}: the folder has above {MOST_FILES} files")
    return found - {TREE, SIGNATURE}


def differs(path: str, size: int, sha256: str) -> str:
    """Say what is wrong with a file; it is read no further than it may be long."""
    digest, count = hashlib.sha256(), 0
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "is a link or no file"
        with open(path, "rb") as file:
            while count <= size and (part := file.read(1 << 20)):
                digest.update(part)
                count += len(part)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if (count, digest.hexdigest()) == (size, sha256) else "differs"


def check_tree(folder: str) -> bytes:
    """Compare the folder with its tree and return the tree's bytes."""
    content = read(os.path.join(folder, TREE), MOST_TREE)
    known, there = tree_of(content), everything_in(folder)
    for path in sorted({*known, *there}, key=os.fsencode):
        if path not in known:
            raise DiffersError(f"{path}: is additional")
        if path not in there:
            raise DiffersError(f"{path}: is missing")
        if why := differs(os.path.join(folder, path), *known[path]):
            raise DiffersError(f"{path}: {why}")
    return content


def check_signature(folder: str, tree: bytes, key: str | None) -> str:
    """Check the DSSE envelope of an in-toto statement (Ed25519) and say what that means."""
    own = os.path.join(folder, SIGNER)
    if not os.path.lexists(os.path.join(folder, SIGNATURE)):
        if key or os.path.lexists(own):
            raise DiffersError(f"{SIGNATURE}: is missing")
        return "not signed: nobody vouches for this dossier"
    if not key and not os.path.lexists(own):
        raise DiffersError(f"{SIGNATURE}: is additional")
    content = read(os.path.join(folder, SIGNATURE), MOST_SMALL)
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise UncheckedError("the signature needs: pip install cryptography") from None
    try:
        public = form.load_pem_public_key(read(key or own, MOST_SMALL))
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise UncheckedError("the public key is not an Ed25519 key in PEM")
    try:
        data = json.loads(content)
        payload = base64.b64decode(data["payload"], validate=True)
        signature = base64.b64decode(data["signatures"][0]["sig"], validate=True)
        said = json.loads(payload)
        subject = said["subject"]
        header = (said["_type"], said["predicateType"], said["predicate"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise DiffersError(f"{SIGNATURE}: it is not an envelope: {error}") from error
    der = public.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    sig = base64.b64encode(signature).decode()
    again = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD.decode(),
        "signatures": [{"keyid": hashlib.sha256(der).hexdigest(), "sig": sig}],
    }
    wanted = (
        "https://in-toto.io/Statement/v1",
        "urn:onnxplain:dossier:v1",
        {"format": 1, "root": json.loads(tree)["root"]},
    )
    if subject != [{"name": TREE, "digest": {"sha256": hashlib.sha256(tree).hexdigest()}}]:
        raise DiffersError(f"{SIGNATURE}: it is of another tree")
    if header != wanted or content != (json.dumps(again, indent=1, sort_keys=True) + "\n").encode():
        raise DiffersError(f"{SIGNATURE}: it is of another key, or was changed")
    message = b" ".join([b"DSSEv1", b"%d" % len(PAYLOAD), PAYLOAD, b"%d" % len(payload), payload])
    try:
        public.verify(signature, message)
    except InvalidSignature:
        raise DiffersError(f"{SIGNATURE}: the signature is wrong") from None
    return "signed by your key" if key else "signed by signer.pem, which does not prove who"


def figures() -> Any:
    """Load the file that repeats figures, from where this one is and from nowhere else."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), FIGURES)
    if not os.path.isfile(path):
        raise UncheckedError(f"{FIGURES} is not beside this file")
    # It takes from this file what both need; under Python's -I it would not find it by itself.
    sys.modules["verify_dossier"] = sys.modules[__name__]
    spec = importlib.util.spec_from_file_location("repeat_figures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(text: str) -> str:
    """Text of one line for a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def main(words: list[str] | None = None) -> int:
    """Check and print; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--key", help="public key of who signed, PEM")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="pictures to occlude (10)")
    parser.add_argument("--threads", type=int, default=0, help="of the model (all cores)")
    parser.add_argument("--tree-only", action="store_true", help="do not run the model")
    given = parser.parse_args(words)
    code = 0
    try:
        tree = check_tree(given.folder)
        print(f"tree: every file is as it was written; root {json.loads(tree)['root']}")
        steps = {"signature": lambda: check_signature(given.folder, tree, given.key)}
        if not given.tree_only:
            steps["predictions"] = lambda: figures().check_predictions(given.folder, given.threads)
            steps["occlusion"] = lambda: figures().check_occlusion(
                given.folder, given.sample, given.threads
            )
        for name, step in steps.items():
            try:
                print(f"{name}: {shown(step())}")
            except UncheckedError as error:
                print(f"{name}: NOT CHECKED: {shown(str(error))}")
                code = 2
    except DiffersError as error:
        print(f"DIFFERS: {shown(str(error))}")
        return 1
    except Exception as error:  # a damaged record, picture or model, met by a library
        print(f"NOT CHECKED: {type(error).__name__}: {shown(str(error))[:300]}")
        return 2
    print("not repeated here: other maps, measures, curves, sanity (use: onnxplain verify)")
    return code


if __name__ == "__main__":
    sys.exit(main())
