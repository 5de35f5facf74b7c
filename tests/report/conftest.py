"""Reports of records made by hand, with names that nobody should trust."""

import json

import numpy as np
import pytest
from PIL import Image

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.store import Store
from onnxplain.audit.zones import SIDE
from onnxplain.graph.load import file_sha256
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.report.content import content
from onnxplain.report.write import write_report

EVIL = '<script>fetch("http://example.org")</script>'
LABELS = ["petal", EVIL, 'quote " onerror=alert(1) x="']
DIGEST = "0" * 64
FALLING = np.linspace(1, 0, 33).tolist()


def mean_map():
    found = np.zeros((SIDE, SIDE))
    found[:7, :7] = 1 / 49
    return found.tolist()


def zones():
    names = ("centre", "border", "top left", "top right", "bottom left", "bottom right")
    return dict.fromkeys(names, 0.25)


def picture(number, name, digest, *, label=0, predicted=0, probability=0.9):
    result = {"measures": {"deletion": 0.2}, "record": {}, "evidence": zones()}
    result["curves"] = {"deletion": FALLING, "insertion": FALLING[::-1]}
    warned = {**result, "warnings": [f"relevance explodes at {EVIL}"]}
    return {
        "number": number,
        "name": name,
        "file_sha256": digest,
        "status": "done",
        "input_sha256": DIGEST,
        "label": label,
        "predicted": predicted,
        "explained": predicted,
        "probability": probability,
        "top": [{"index": predicted, "probability": probability}],
        "mask_area": None,
        "methods": {"grad-cam": result, "lrp": warned},
        "problems": [],
    }


def ranked(entry):
    return {k: entry[k] for k in ("number", "name", "label", "predicted", "probability")}


def made_record(pictures, recipe):
    methods = ("grad-cam", "lrp")
    wrong = [ranked(p) for p in pictures if p["label"] != p["predicted"]]
    suspect = {"kind": "fixed place", "strength": 9.0, "where": "top left corner", "recurs": 1.0}
    suspect |= {"index": 1, "method": "grad-cam", "count": 6, "examples": [1]}
    cluster = {"count": 3, "numbers": [0, 2, 3], "mean_map": mean_map()}
    cluster["exemplars"] = [{"number": 0, "name": "a.png"}]
    ran = {"parameters": {"layer": None}, "engine": "PyTorch", "device": "cpu"}
    return {
        "format": 2,
        "complete": True,
        "model": {
            "name": f"{EVIL}.onnx",
            "source": "model.onnx",
            "sha256": DIGEST,
            "input": "x",
            "layout": "NCHW",
            "device": "cpu",
            "output": "y",
            "classes": 3,
            "labels": LABELS,
            "sources": {"preprocess": "given"},
            "warnings": [],
        },
        "data": {"source": "data", "pictures": 5, "examined": 5, "with_mask": 0, "sha256": DIGEST},
        "preprocess": {"sha256": recipe.sha256, **recipe.to_dict()},
        "questions": {
            "methods": list(methods),
            "measures": ["deletion"],
            "explained": "prediction",
            "examples": 12,
            "seed": 0,
        },
        "methods": dict.fromkeys(methods, ran),
        "left_out": [],
        "versions": {"onnxplain": "0.1.0", "numpy": "2"},
        "predictions": {
            "scored": len(pictures),
            "labelled": len(pictures),
            "right": len(pictures) - len(wrong),
            "accuracy": 1 - len(wrong) / max(len(pictures), 1),
            "most_confident_errors": wrong,
            "least_confident_errors": wrong,
            "least_confident": [ranked(p) for p in pictures],
        },
        "measures": [
            {"method": m, "measure": "deletion", "count": 4, "mean": v, "deviation": 0.1,
             "least": 0.0, "most": 1.0}
            for m, v in (("grad-cam", 10.0), ("lrp", 9.0))
        ],
        "curves": [
            {"method": m, "measure": measure, "count": 4, "mean": FALLING,
             "lower_quartile": [v * v for v in FALLING],
             "upper_quartile": [v**0.5 for v in FALLING]}
            for m in methods for measure in ("deletion", "insertion")
        ],
        "sanity": [
            {"method": "grad-cam", "pictures": 1, "left": 0.1, "layers": ["a", "b"],
             "spearman": [0.5, 0.1], "verdict": "passes: the map depends on it"}
        ],
        "sanity_pictures": [],
        "classes": [
            {"index": k, "method": m, "count": 6, "evidence": zones(), "mean_map": mean_map()}
            for k in (0, 1) for m in methods
        ],
        "clusters": [{"index": 0, "method": "grad-cam", "pictures": 3, "eigenvalues": [0.0],
                      "clusters": [cluster]}],
        "suspects": [
            {**suspect, "box": [0.0, 0.0, 0.25, 0.25],
             "transplant": {"same": 0.5, "rise": 0.62, "donors": [1], "hosts": [0, 2, 3]}}
        ],
        "failures": [{"number": 4, "name": "broken.png", "problem": "cannot read image"}],
        "times": {"written": "2026-01-01T00:00:00+00:00", "explaining_seconds": {}},
        "pictures": [
            *pictures,
            {"number": 4, "name": "broken.png", "file_sha256": DIGEST, "status": "failed",
             "problem": "cannot read image"},
        ],
    }  # fmt: skip


@pytest.fixture
def audited(tmp_path):
    """Folder of an audit by hand: record, store and photos; and the record."""
    recipe = Preprocess("made", "NCHW", (96, 96))
    files = {}
    names = ["a.png", "b <img src=x onerror=alert(1)>.png", "c & 'd'.png", "e.png"]
    for number, name in enumerate(names):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        Image.effect_noise((120, 96), 40 + number).convert("RGB").save(path)
        files[name] = path
    pictures = [
        picture(k, name, file_sha256(files[name]), label=0, predicted=int(k == 1),
                probability=0.9 - k / 10)
        for k, name in enumerate(names)
    ]  # fmt: skip
    record = made_record(pictures, recipe)
    record["data"]["source"] = str(tmp_path / "data")
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "record.json").write_text(json.dumps(record))
    from onnxplain.report.again import identity

    with Store(folder / "results.sqlite", identity(build(Record, record))) as store:
        for k in range(len(names)):
            maps = {
                "grad-cam": np.float32(mean_map()),
                "lrp": np.float32(np.eye(SIDE) - np.eye(SIDE)[::-1]),
            }
            store.add("picture", k, {}, maps)
    return folder, record, files


def content_of(record, files, maps):
    """What the report of a record by hand shows."""
    made = build(Record, record)
    return content(made, lambda: made.pictures, files, maps)


@pytest.fixture
def page(audited):
    """The report's path."""
    folder, record, files = audited
    flat = np.float32(mean_map()).ravel()
    shown = content_of(record, files, lambda number, method: flat)
    return write_report(folder, shown)[0]
