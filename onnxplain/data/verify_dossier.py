#!/usr/bin/env python3
"""Check a dossier of an audit without the program that made it.

    python verify_dossier.py FOLDER [--key PUBLIC.pem] [--tree-only]

Take this file from a source that you trust: the copy in a dossier could have been changed with it.

1. Hash tree (standard library): every file is there, has its SHA-256, and nothing is additional.
2. Signature (needs the package cryptography): --key is the public key of who signed.
3. Predictions (need numpy, onnxruntime and Pillow): each picture is put into the model again, as
   the record says. A probability may differ by 1e-4, another score by 1e-4 of its size if that is
   above 1. This runs the model file; do it only for models that you would run anyway.

Exit codes: 0 all that was checked agrees; 1 something differs; 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import os
import stat
import sys
from typing import Any

TREE, SIGNATURE, SIGNER, RECORD = "tree.json", "signature.json", "signer.pem", "record.json"
MOST_TREE, MOST_JSON, MOST_SMALL, MOST_FILES = 300_000_000, 500_000_000, 100_000, 1_000_000
MOST_PIXELS, TOLERANCE = 100_000_000, 1e-4
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
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


def opened(path: str) -> Any:
    """Pixels of a picture file, upright, RGB or grey of 8 bits, over white."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UncheckedError("a picture is too large")
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGB", "L"):
        return upright
    if upright.mode == "1":
        return upright.convert("L")
    if upright.mode in ("I", "F") or upright.mode.startswith("I;"):
        raise UncheckedError("a picture has more than 8 bits")
    if "A" in upright.getbands() or "transparency" in upright.info:
        over = Image.new("RGBA", upright.size, "white")
        over.alpha_composite(upright.convert("RGBA"))
        return over.convert("L" if upright.mode == "LA" else "RGB")
    return upright.convert("RGB")


def framed(image: Any, recipe: dict[str, Any]) -> Any:
    """Cut and resize a picture as the recipe says."""
    from PIL import Image

    rows, columns = recipe["size"]
    way, share = recipe.get("resize", "crop"), recipe.get("crop_fraction", 1.0)
    method = Image.Resampling[recipe.get("interpolation", "bicubic").upper()]
    down, right = recipe.get("position", (0.5, 0.5))
    width, height = image.size
    if way not in ("crop", "stretch"):
        raise UncheckedError(f"resize {way!r} is not repeated by this verifier")
    if (short := recipe.get("resize_to")) is not None:
        if isinstance(short, int):
            longer = max(1, int(short * max(width, height) / min(width, height)))
            scaled = (short, longer) if width <= height else (longer, short)
        else:
            scaled = (short[1], short[0])
        left, top = scaled[0] - columns, scaled[1] - rows
        if left < 0 or top < 0:
            raise UncheckedError("a picture is smaller than the model's input")
        left, top = round(left * right), round(top * down)
        return image.resize(scaled, method).crop((left, top, left + columns, top + rows))
    wide, high = width * share, height * share
    if way == "crop":
        unit = min(width / columns, height / rows) * share
        wide, high = columns * unit, rows * unit
    wide, high = min(wide, width), min(high, height)
    left, top = (width - wide) * right, (height - high) * down
    box = (left, top, min(left + wide, width), min(top + high, height))
    return image.resize((columns, rows), method, box=box)


def model_input(path: str, recipe: dict[str, Any]) -> Any:
    """Tensor of a picture."""
    import numpy as np

    color = recipe.get("color", "RGB")
    if color == "bands" or path.lower().endswith(".npy"):
        raise UncheckedError("bands and arrays are not repeated by this verifier")
    image = framed(opened(path).convert("L" if color == "gray" else "RGB"), recipe)
    values = np.asarray(image, np.float64).reshape(*recipe["size"], -1)
    if color == "BGR":
        values = values[:, :, ::-1]
    channels = values.shape[2]
    mean, std = recipe.get("mean", [0.0] * channels), recipe.get("std", [1.0] * channels)
    values = (values * recipe.get("scale", 1.0) - np.array(mean)) / np.array(std)
    if recipe["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    dtype = np.dtype(recipe.get("dtype", "float32"))
    if dtype.kind in "iu":
        values = values.round().clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.ascontiguousarray(values[None], dtype)


def scores(raw: Any, declared: str | None, unit: str) -> Any:
    """Return what the record calls the score, of the model's output."""
    import numpy as np

    values = np.asarray(raw, np.float64)
    if values.ndim < 1 or values.size != max(values.shape):
        raise UncheckedError("the output is not one list of classes")
    values = values.reshape(-1)
    if unit != "probability":
        return values
    if declared == "logits":
        if values.size == 1:
            values = np.array([0.0, values[0]])
        values = np.exp(values - values.max())
        return values / values.sum()
    inside = values.min() >= -TOLERANCE and values.max() <= 1 + TOLERANCE
    if inside and values.size == 1:
        return np.array([1 - values[0], values[0]])
    if inside and (declared == "probabilities" or abs(values.sum() - 1) < 1e-3):
        return values
    raise UncheckedError("how the output becomes probabilities is not in the record")


def check_predictions(folder: str) -> str:
    """Repeat the prediction of each picture from the record."""
    try:
        import numpy as np
        import onnxruntime
        import PIL
    except ImportError as error:
        raise UncheckedError(f"predictions need: pip install {error.name}") from None
    record = json.loads(read(os.path.join(folder, RECORD), MOST_JSON))
    kept = json.loads(read(os.path.join(folder, "pictures.json"), MOST_JSON))
    about, recipe = record["model"], record["preprocess"]
    if about.get("task", "classes") != "classes" or about.get("bound"):
        raise UncheckedError("only classifiers with one input are repeated by this verifier")
    if not about.get("files") or not allowed(about["files"][0]["location"]):
        raise UncheckedError("the record does not name the model's files")
    path = os.path.join(folder, "model", about["files"][0]["location"])
    if not os.path.isfile(path):
        raise UncheckedError("the dossier does not hold the model")
    for file in about["files"]:
        inside = os.path.join(folder, "model", file["location"])
        if not allowed(file["location"]) or differs(inside, file["bytes"], file["sha256"]):
            raise DiffersError(f"model/{file['location']}: is not the model of the record")
    files = {entry["name"]: entry.get("file") for entry in kept}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if about["output"] not in [o.name for o in session.get_outputs()]:
        raise UncheckedError(f"{about['output']!r} is inside of the model, not an output")
    repeated, equal, largest = 0, 0, 0.0
    for picture in record["pictures"]:
        if picture.get("status", "done") != "done":
            continue
        name = files.get(picture["name"])
        if name is None or not allowed(name):
            raise DiffersError(f"{picture['name']}: the dossier does not hold this picture")
        file = os.path.join(folder, name)
        if hashlib.sha256(read(file, MOST_JSON)).hexdigest() != picture["file_sha256"]:
            raise DiffersError(f"{name}: is not the picture of the record")
        x = model_input(file, recipe)
        equal += hashlib.sha256(x.tobytes()).hexdigest() == picture["input_sha256"]
        (raw,) = session.run([about["output"]], {about["input"]: x})
        unit = picture.get("unit", "probability")
        found = scores(raw, about.get("scores"), unit)
        for entry in picture["top"]:
            known = entry["probability"]
            known = entry["score"] if known is None else known
            if not 0 <= entry["index"] < found.size:
                raise DiffersError(f"{picture['name']}: the model has no class {entry['index']}")
            off = abs(float(found[entry["index"]]) - known) / max(1.0, abs(known))
            if not (math.isfinite(off) and off <= TOLERANCE):
                raise DiffersError(
                    f"{picture['name']}: class {entry['index']} has {known:.6g} in the record and "
                    f"{found[entry['index']]:.6g} now (tolerance {TOLERANCE})"
                )
            largest = max(largest, off)
        if found[picture["predicted"]] < np.max(found) - TOLERANCE * max(1.0, abs(np.max(found))):
            raise DiffersError(f"{picture['name']}: another class is predicted")
        repeated += 1
    if not repeated:
        raise UncheckedError("the record has no picture that was examined")
    return (
        f"predictions of {repeated} pictures repeat; largest difference {largest:.2g}, "
        f"{equal} inputs equal to the byte (onnxruntime {onnxruntime.__version__}, "
        f"Pillow {PIL.__version__})"
    )


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
    parser.add_argument("--tree-only", action="store_true", help="do not run the model")
    given = parser.parse_args(words)
    code = 0
    try:
        tree = check_tree(given.folder)
        print(f"tree: every file is as it was written; root {json.loads(tree)['root']}")
        steps = {"signature": lambda: check_signature(given.folder, tree, given.key)}
        if not given.tree_only:
            steps["predictions"] = lambda: check_predictions(given.folder)
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
    print("not repeated by this file: maps, measures, curves, sanity (use: onnxplain verify)")
    return code


if __name__ == "__main__":
    sys.exit(main())
