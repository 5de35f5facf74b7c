"""Rows of the table of tasks: a small file, and what it answers by ONNX Runtime and NumPy alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from head_forms import Form, made_of
from heads import SIDE, constants
from scipy.special import expit

from onnxplain.inputs.preprocess import Preprocess

Array = np.ndarray
PICTURE = np.random.default_rng(4).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
# Powers of two, so that the input is known to the last bit.
RECIPE = Preprocess(
    name="eighths", layout="NCHW", size=(SIDE, SIDE), color="RGB", resize="stretch",
    scale=1 / 128, mean=(1.0,) * 3, std=(1.0,) * 3,
)  # fmt: skip
X = (PICTURE.transpose(2, 0, 1)[None] / 128 - 1).astype(np.float32)
BLACK = np.float32(-1)
WINDOW = 3
COVERED = {"window": WINDOW, "stride": WINDOW, "fill_with": "black"}


@dataclass(eq=False)
class Row:
    """A file and the numbers that people are shown.

    Attributes
    ----------
    made : ModelProto
        The file.
    task, unit : str
        What it answers, and what the shown numbers are.
    truth : callable
        The shown numbers of one input, (K,) or with places, (K, ...): from the file's own
        outputs and the input.
    declared : mapping
        What a person has to say of it.
    places : tuple of int
        Lengths of the axes of places.
    """

    name: str
    made: onnx.ModelProto
    task: str
    unit: str
    truth: Callable[[list[Any], Array], Array]
    declared: Mapping[str, str] = field(default_factory=dict)
    places: tuple[int, ...] = ()

    def says(self, x: Array) -> Array:
        """Return the numbers of one input, (1, 3, H, W)."""
        return np.asarray(self.truth(self.outputs(x), x), np.float64)

    def outputs(self, x: Array) -> list[Any]:
        """Run the file as it was written; a fixed batch is filled up with the same input."""
        batch = self.made.graph.input[0].type.tensor_type.shape.dim[0].dim_value or 1
        return self._session.run(None, {"image": np.repeat(x, batch, axis=0)})

    @functools.cached_property
    def _session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return ort.InferenceSession(
            self.made.SerializeToString(), options, ["CPUExecutionProvider"]
        )

    def falls(self, number: Callable[[Array], float]) -> Array:
        """Map of differences when one window after the other is black, one input at a time."""
        found = np.zeros((SIDE, SIDE))
        whole = number(self.says(X))
        for top in range(0, SIDE, WINDOW):
            for left in range(0, SIDE, WINDOW):
                covered = X.copy()
                covered[:, :, top : top + WINDOW, left : left + WINDOW] = BLACK
                inside = np.s_[top : top + WINDOW, left : left + WINDOW]
                found[inside] = whole - number(self.says(covered))
        return found


def numbers(x: Array) -> dict[str, Array]:
    """Products of the flattened input with each of the weights."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    return {n: flat @ w for n, w in constants().items() if w.ndim == 2 and len(w) == flat.shape[1]}


def places(x: Array, weights: str) -> Array:
    """Numbers at each place of one input, classes first: (K, H, W)."""
    return np.einsum("chw,ck->khw", x[0].astype(np.float64), constants()[weights])


def shown(task: str, logit: Any, probability: Any, raw: Any) -> tuple[str, Any, str]:
    """Unit and truth of what is shown, of the kinds that a form has."""
    if task in ("values", "embedding"):
        return "value", raw, ""
    if probability is not None:
        return "probability", probability, "probability"
    return ("logit", logit, "logit") if logit is not None else ("score", raw, "probability")


def row_of(form: Form) -> Row:
    """Return the row of a form of `head_forms`."""
    unit, said, sides = shown(form.task, form.logit, form.probability, form.raw)

    def truth(outputs: list[Any], x: Array) -> Array:
        found = np.asarray(said(outputs[0], numbers(x)), np.float64).reshape(-1)
        return two_sided(found, sides) if form.task == "yes-no" else found

    return Row(form.name, made_of(form), form.task, unit, truth)


def two_sided(yes: Array, kind: str) -> Array:
    """Both sides of a yes/no answer: the classes no and yes."""
    return np.concatenate([1 - yes if kind == "probability" else -yes, yes])


def yes_or_no(logits: Array) -> Array:
    """Probabilities of no and yes."""
    return two_sided(expit(logits), "probability")
