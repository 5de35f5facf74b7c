"""Saved results, side files and records with something wrong in them."""

from __future__ import annotations

import copy
import functools
import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.explanations.explanation import Explanation
from onnxplain.model.load import load
from tests.hostile.apart import apart
from tests.hostile.values import JSON_TEXTS, STRINGS, Rng, changed_bytes, changed_data

MODEL = "models/digits-gap.onnx"


def _explanation() -> Explanation:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    return load(MODEL, threads=1).explain(picture, "cam")


def changed_json(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Change values, keys or the text of a JSON document."""
    how = rng.random()
    if how < 0.15:
        return changed_bytes(content, rng)
    data, done = copy.deepcopy(json.loads(content)), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        data, said = changed_data(data, rng)
        done.append(said)
    if how < 0.35:
        # Text that no Python value is written as, in the place of a value.
        mark = "a place that nothing else is called"
        data, said = _marked(data, mark, rng)
        written = json.dumps(data).replace(json.dumps(mark), rng.choice(JSON_TEXTS))
        done.append(f"text {said}")
    else:
        written = json.dumps(data)
    raw = written.encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        raw = rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"")) + rng.choice(
            (raw, written.encode("utf-16", "surrogatepass"))
        )
    return raw, "; ".join(done)


def _marked(data: Any, mark: str, rng: Rng) -> tuple[Any, str]:
    if not isinstance(data, (dict, list)) or not data:
        return mark, "whole"
    key = rng.choice(list(data) if isinstance(data, dict) else range(len(data)))
    if isinstance(data[key], (dict, list)) and data[key] and rng.random() < 0.6:
        return data, _within(data, key, mark, rng)
    data[key] = mark
    return data, str(key)


def _within(data: Any, key: Any, mark: str, rng: Rng) -> str:
    data[key], said = _marked(data[key], mark, rng)
    return f"{key}.{said}"


@functools.cache
def saved(ending: str) -> bytes:
    """A result as it is saved."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"saved{ending}"
        apart(lambda: _explanation().save(path))
        return path.read_bytes()


def changed_npz(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Change the parts of an archive of arrays: headers, records, names, what zip says of them."""
    if rng.random() < 0.2:
        return changed_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    how = rng.choice(
        ("record", "record", "record", "header", "data", "drop", "name", "more", "zip")
    )
    name = rng.choice(sorted(parts))
    if how == "record":
        record = json.loads(str(np.load(io.BytesIO(parts["record.npy"]))))
        raw, said = changed_json(json.dumps(record).encode(), rng)
        parts["record.npy"] = _npy(np.array(raw.decode("utf-8", "replace")))
        how = f"record {said}"
    elif how == "header":
        parts[name] = _with_header(parts[name], rng)
    elif how == "data":
        parts[name] = changed_bytes(parts[name], rng)[0]
    elif how == "drop":
        del parts[name]
    elif how == "name":
        parts[rng.choice(("../x.npy", "x", "", "/x.npy", "x\x00.npy", "a" * 3000))] = parts.pop(
            name
        )
    elif how == "more":
        parts["more.npy"] = rng.choice((b"", b"junk", _npy(np.zeros(3))))
    written = io.BytesIO()
    kind = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(written, "w", kind) as archive:
        for part, data in parts.items():
            archive.writestr(part or "-", data)
    raw = written.getvalue()
    return (_with_zip_field(raw, rng), "zip") if how == "zip" else (raw, how)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _with_header(content: bytes, rng: Rng) -> bytes:
    shape = rng.choice(("()", "(0,)", "(1,)", "(2**40,)", "(50000, 50000)", "(-3,)", "(3, 8, 8)"))
    kind = rng.choice(("<f4", "<f8", "|O", "<U1", "<U99999999", "|V8", "<M8[s]", "<c16", "|b1"))
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    raw = header.encode().ljust(117) + b"\n"
    version = rng.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(raw))
    return b"\x93NUMPY" + version + length + raw + content[128:]


def _with_zip_field(raw: bytes, rng: Rng) -> bytes:
    """Other flags, methods, sizes or places in the directory of the archive."""
    data = bytearray(raw)
    signature = rng.choice((b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"))
    at = data.find(signature)
    place = at + rng.randrange(4, 46 if signature == b"PK\x01\x02" else 22)
    data[place] = rng.choice((0, 1, 8, 12, 14, 99, 255))
    return bytes(data)


def _lines(form: str) -> bytes:
    return "\n".join(form.format(k, n) for k, n in enumerate(LABELS)).encode()


LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_CONFIG = {
    "id2label": {str(k): n for k, n in enumerate(LABELS)},
    "label2id": {n: k for k, n in enumerate(LABELS)},
    "image_size": 8, "num_channels": 1, "architectures": ["ResNetForImageClassification"],
}  # fmt: skip
_PREPROCESSOR = {
    "do_resize": True, "size": {"height": 8, "width": 8}, "do_normalize": True, "resample": 3,
    "image_mean": [0.5], "image_std": [0.5], "do_rescale": True, "rescale_factor": 0.00392,
    "do_center_crop": True, "crop_size": 8, "crop_pct": 0.9,
    "image_processor_type": "ViTImageProcessor",
}  # fmt: skip
_PREPROCESS = {
    "name": "mine", "layout": "NCHW", "size": [8, 8], "color": "gray", "scale": 0.00392156862745098,
    "mean": [0.0], "std": [1.0], "resize": "stretch", "interpolation": "bilinear",
}  # fmt: skip
_BESIDE = {"task": "classes", "scores": "logits", "labels": LABELS, "preprocess": _PREPROCESS}
_COCO = {
    "images": [{"id": 1, "file_name": "0-7.png", "width": 8, "height": 8}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 1, 3, 4], "iscrowd": 0}],
    "categories": [{"id": 2, "name": "two"}],
}
_TABLE = [{"file": "0-7.png", "label": "zero", "boxes": [[1, 1, 4, 4]]}]
_COMPOSITE = """name = "mine"
epsilon = 1e-6
[[rule]]
operator = "convolutions"
position = "first"
rule = "z-plus"
[[rule]]
operator = ["Gemm", "MatMul"]
rule = "epsilon"
epsilon = 0.01
"""
_AUDIT = """methods = ["cam"]
measures = []
sanity_pictures = 0
[method.occlusion]
window = 3
"""
_VOC = """<annotation><size><width>8</width><height>8</height></size><object><name>two</name>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object></annotation>"""


# What a side file is called in its folder, and a sound one. `onnxplain` finds or is given it.
SIDE: dict[str, tuple[str, bytes]] = {
    "labels-json": ("m.labels.json", json.dumps(LABELS).encode()),
    "labels-map": ("m.labels.json", json.dumps(_CONFIG["id2label"]).encode()),
    "labels-txt": ("labels.txt", _lines("{1}")),
    "labels-numbered": ("labels.txt", _lines("{0}: {1}")),
    "labels-csv": ("m.labels.csv", b"index,name\n" + _lines("{0},{1}")),
    "labels-yaml": ("data.yaml", b"nc: 10\nnames:\n" + _lines("  {0}: {1}")),
    "config": ("config.json", json.dumps(_CONFIG).encode()),
    "class-indices": ("class_indices.json", json.dumps(_CONFIG["label2id"]).encode()),
    "preprocessor": ("preprocessor_config.json", json.dumps(_PREPROCESSOR).encode()),
    "preprocess": ("m.preprocess.json", json.dumps(_PREPROCESS).encode()),
    "beside": ("m.onnxplain.json", json.dumps(_BESIDE).encode()),
    "table-json": ("labels.json", json.dumps(_TABLE).encode()),
    "table-csv": ("labels.csv", b"file,label,x0,y0,x1,y1\n0-7.png,zero,1,1,4,4\n"),
    "coco": ("boxes.json", json.dumps(_COCO).encode()),
    "voc": ("0-7.xml", _VOC.encode()),
    "yolo": ("0-7.txt", b"2 0.5 0.5 0.25 0.5\n0 0.1 0.2 0.3 0.4\n"),
    "composite": ("composite.toml", _COMPOSITE.encode()),
    "audit": ("audit.toml", _AUDIT.encode()),
    "bound": ("value.npy", _npy(np.zeros((1, 4), np.float32))),
}  # fmt: skip
_SPLIT = (",", ":", " ", "\n", "=", "<", ">", '"', "[", "]", "\t")


def changed_side(name: str, rng: Rng) -> tuple[bytes, str]:
    """Change a side file in the way of its format."""
    file, content = SIDE[name]
    if file.endswith(".json"):
        return changed_json(content, rng)
    if file.endswith(".npy"):
        return _with_header(content, rng), "npy:header"
    return changed_text(content, rng)


def changed_text(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Change words, signs and lines of a text."""
    how = rng.choice(("bytes", "word", "word", "word", "lines", "sign", "long"))
    if how == "bytes":
        return changed_bytes(content, rng)
    said = content.decode()
    lines = said.split("\n")
    k = rng.randrange(len(lines))
    if how == "word":
        sign = rng.choice([s for s in _SPLIT if s in lines[k]] or [" "])
        words = lines[k].split(sign)
        words[rng.randrange(len(words))] = rng.choice((*STRINGS, *JSON_TEXTS))
        lines[k] = sign.join(words)
    elif how == "lines":
        lines[k : k + 1] = rng.choice(([], [lines[k]] * 2, [lines[k]] * 3000, ["", lines[k], ""]))
    elif how == "sign":
        lines[k] = lines[k].replace(rng.choice(_SPLIT), rng.choice((*_SPLIT, "", '"""', "&a;")))
    else:
        lines[k] = lines[k] * rng.choice((50, 20_000))
    return "\n".join(lines).encode("utf-8", "surrogatepass"), how
