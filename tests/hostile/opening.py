"""Open a case as the product does: until it answers, or refuses in one line."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.cli import main
from onnxplain.cli.images import find_images
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.errors import OnnxplainError
from onnxplain.explanations.explanation import Explanation
from onnxplain.export.export import export
from onnxplain.inputs.annotations.find import read_annotations
from onnxplain.inputs.dataset import read_dataset
from onnxplain.inputs.image import open_image
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.inspection import inspect_file, inspect_model
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.relevance.composite_file import load_composite
from tests.hostile.cases import Case
from tests.hostile.documents import MODEL
from tests.hostile.records import PICTURES

_COLOUR = "models/scenes-detector.onnx"
_DIGIT = str(PICTURES / "0-7.png")
# One of so many models is explained by the command line as well, with its pictures.
_WHOLE_COMMAND = 1 / 60


@dataclass(frozen=True)
class Verdict:
    """How a case ended.

    Attributes
    ----------
    name : str
        ``answer``, ``refused``, ``internal``; a dead process is told from outside.
    code : int
        The exit code that the command line would have given.
    said : str
        What was refused, or the end of the traceback.
    """

    name: str
    code: int = 0
    said: str = ""


def opened(case: Case, folder: Path) -> Verdict:
    """Open the files of a case that lie in a folder.

    Raises
    ------
    Exception
        What should have been refused.
    """
    try:
        _OPENERS[case.kind](case, folder)
    except OnnxplainError as error:
        name = "internal" if error.exit_code == 70 else "refused"
        return Verdict(name, error.exit_code, f"{type(error).__name__}: {error}")
    return Verdict("answer")


@functools.cache
def _ready(path: str) -> Model:
    return load(path, threads=1)


def load_libraries() -> None:
    """Import all that any case needs, once, before processes are forked; run nothing of it."""
    for module in pkgutil.walk_packages(onnxplain.__path__, "onnxplain."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("matplotlib.pyplot", "onnx.reference", "scipy.ndimage", "skimage.metrics"):
        importlib.import_module(name)
    import_torchvision()


def _open_model(case: Case, folder: Path) -> None:
    path, rng = folder / case.main, case.rng
    inspect_file(path)
    try:
        model = load(path, threads=1)
    except OnnxplainError:
        if rng.random() < _WHOLE_COMMAND:
            _command(["inspect", str(path), "--json"])
        raise
    inspect_model(model)
    picture = _picture_for(model)
    draw = rng.random()
    if draw < _WHOLE_COMMAND:
        words = ["explain", str(path), _DIGIT, "-m", "occlusion,grad-cam", "--threads", "1"]
        return _command([*words, "-o", str(folder / "out")])
    if draw < 0.5:
        model.explain(picture, "eigen-cam")
    elif draw < 0.7:
        model.explain(picture, "occlusion", max_seconds=2)
    elif draw < 0.95:
        model.explain(picture, rng.choice(("grad-cam", "lrp", "gradient-x-input")))
    else:
        export(model, path, folder / "out.onnx", ["grad-cam"])
    return None


def _picture_for(model: Model) -> Any:
    if model.preprocess.channels in (1, 3):
        return np.arange(64, dtype=np.uint8).reshape(8, 8).repeat(3).reshape(8, 8, 3) * 4
    return sample_picture(model.preprocess)


def _open_picture(case: Case, folder: Path) -> None:
    paths, _ = find_images([str(folder / case.main)])
    model = _ready(MODEL if case.rng.random() < 0.5 else _COLOUR)
    draw = case.rng.random()
    if draw < 0.01:
        words = ["explain", MODEL, str(folder), _DIGIT, "-m", "cam", "--threads", "1"]
        return _command([*words, "-o", str(folder / "out")])
    if draw < 0.1:
        open_image(paths[0])
    picture = model.read(paths[0])
    if draw < 0.3:
        model.predict(picture)
    return None


def _open_result(case: Case, folder: Path) -> None:
    found = Explanation.load(folder / case.main)
    repr(found)
    found.heatmap()
    found.top()
    if case.rng.random() < 0.1:
        found.overlay()
        found._repr_png_()
    found.save(folder / "again.npz")
    json.dumps(found.to_dict())


def _open_side(case: Case, folder: Path) -> None:
    path, name = folder / case.main, case.base
    if name in ("table-json", "table-csv"):
        for sample in read_dataset(path):
            sample.seen_mask(_ready(MODEL).preprocess)
    elif name in ("coco", "voc", "yolo"):
        at = path if name != "yolo" else folder
        read_annotations(at, frozenset({"0-7"}))
    elif name == "composite":
        composite = load_composite(path)
        _ready(MODEL).explain(_DIGIT, "lrp", composite=composite)
    elif name == "audit":
        AuditConfig.load(path)
    elif name == "bound":
        load(folder / "m.onnx", threads=1, bound={"input": path})
    else:
        model = load(folder / "m.onnx", threads=1)
        inspect_model(model)
        model.explain(_DIGIT, "cam").to_dict()


def _open_record(case: Case, folder: Path) -> None:
    data = [] if case.rng.random() < 0.2 else ["--data", str(PICTURES)]
    if case.rng.random() < 0.5:
        return _command(["report", str(folder), *data, "-o", str(folder / "out")])
    record = str(folder / case.main)
    words = ["verify", record, "--model", MODEL, *data, "--sample", "1"]
    return _command(words, allowed=(1,))


class CommandError(Exception):
    """The command line ended as it never should."""


def _command(words: Sequence[str], allowed: Sequence[int] = ()) -> None:
    """Run the command line in this process.

    Raises
    ------
    OnnxplainError
        If it ended with a documented exit code other than 0, with that code.
    CommandError
        If it ended otherwise, or showed a traceback.
    """
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as ended:
            code = ended.code
    said = err.getvalue()
    if "Traceback (most recent" in said or code not in (0, 2, 3, 4, 5, 6, 7, *allowed):
        raise CommandError(f"{words[0]} ended with {code}: {said[-1500:]}")
    if "\x1b" in said + out.getvalue():
        raise CommandError(f"{words[0]} wrote control characters: {said[-500:]!r}")
    if code:
        refusal = OnnxplainError(said.strip()[-300:])
        refusal.exit_code = int(code)
        raise refusal


_OPENERS = {
    "model": _open_model, "picture": _open_picture, "result": _open_result, "side": _open_side,
    "record": _open_record,
}  # fmt: skip
