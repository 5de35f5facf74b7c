"""Graphs behind a flattened picture, and what is true of their output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from heads import BATCH, VECTOR, constants, file_says, model, opened, pictures, values
from scipy.special import softmax

Array = np.ndarray
TIGHT = {"rtol": 1e-12, "atol": 1e-14}


@dataclass
class Form:
    """A graph after the flattened picture `f`, and what is true of its output.

    `probability` and `logit` get the first output of the file and numbers by name: the product
    of the flattened picture with each of the weights.
    """

    name: str
    body: str
    columns: int | None
    task: str
    shape: tuple[int, ...]
    probability: Callable[[Array, dict[str, Array]], Array] | None = None
    logit: Callable[[Array, dict[str, Array]], Array] | None = None
    raw: Callable[[Array, dict[str, Array]], Array] = lambda out, z: out.reshape(len(out), -1)
    opset: int = 17
    extra: dict[str, Array] = field(default_factory=dict)
    dtype: str = "double"


def same(out: Array, z: dict[str, Array]) -> Array:
    return out.reshape(len(out), -1)


def of(weights: str, scale: float = 1.0) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: scale * z[weights]


def columns(weights: str, *wanted: int) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: z[weights][:, list(wanted)]


def joined(*weights: str) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: np.concatenate([z[w] for w in weights], axis=1)


def soft(weights: str) -> Callable[[Array, dict[str, Array]], Array]:
    return lambda out, z: softmax(z[weights], axis=1)


Z4, Z1 = "z = MatMul(f, w4) ", "z = MatMul(f, w1) "


def made_of(form: Form) -> onnx.ModelProto:
    """Make the model of a form."""
    size = "" if form.columns is None else f",{form.columns}"
    return model(
        f"{VECTOR} {form.body}", [f"{form.dtype}[N{size}] out"], opset=form.opset, extra=form.extra
    )


def check_form(form: Form) -> None:
    """Compare task, shape and every reading with what ONNX Runtime and NumPy say."""
    made = made_of(form)
    picture = pictures(made)
    found = opened(made)
    answer = found.only
    assert (answer.task, answer.shape, answer.axis) == (form.task, form.shape, 0)
    tensors = values(found.graph, picture)
    (out,) = file_says(made, picture)
    flat = picture.reshape(BATCH, -1).astype(np.float64)
    numbers = {
        n: flat @ w for n, w in constants().items() if w.ndim == 2 and len(w) == flat.shape[1]
    }
    np.testing.assert_allclose(answer.raw.read(tensors), form.raw(out, numbers), **TIGHT)
    for reading, truth in ((answer.probability, form.probability), (answer.logit, form.logit)):
        assert (reading is None) == (truth is None)
        if reading is not None:
            np.testing.assert_allclose(reading.read(tensors), truth(out, numbers), **TIGHT)
