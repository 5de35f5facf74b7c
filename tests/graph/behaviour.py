"""Every form of every operator that converts, as a function whose inputs can be changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.reference import ReferenceEvaluator

from onnxplain.convert import to_torch
from onnxplain.graph.operators import OPERATORS, Trait
from onnxplain.graph.view import Graph
from tests.convert import test_microsoft, test_versions
from tests.convert.forms import Form
from tests.convert.forms_microsoft import FLOATING, INTEGER
from tests.convert.oracle import newest_opset, session

# Elements that are changed, one after the other.
_TRIED = 12


@dataclass(frozen=True, eq=False)
class Made:
    """A form as a model.

    Attributes
    ----------
    name : str
        The operator.
    form : Form
        One way to write it.
    model : onnx.ModelProto
        The node; its inputs are those of the form that are no constants.
    feeds : dict of str to array
        Their values.
    """

    name: str
    form: Form
    model: onnx.ModelProto
    feeds: dict[str, np.ndarray]

    @property
    def first(self) -> str:
        """Name of the first input; empty if it is a constant or there is none."""
        return next(iter(self.feeds), "")

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.form.attributes)

    def run(self, **changed: np.ndarray) -> np.ndarray:
        """First output, from an engine that knows nothing of this package."""
        name = self.model.graph.output[0].name
        return np.asarray(_engine(self).run([name], {**self.feeds, **changed})[0])

    def exactly(self, **changed: np.ndarray) -> np.ndarray:
        """First output in double precision, from the conversion."""
        feeds = {**self.feeds, **changed}
        tensors = {n: torch.from_numpy(np.array(a)) for n, a in feeds.items()}
        tensors = {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}
        name = self.model.graph.output[0].name
        return to_torch(Graph(self.model), double=True).run(tensors, [name])[name].numpy()

    def changes(self, name: str, rng: np.random.Generator) -> Iterator[tuple[tuple, np.ndarray]]:
        """Change elements of one input: the index of each, and the outputs that differ."""
        before, value = self.run(), self.feeds[name]
        for flat in rng.permutation(value.size)[:_TRIED]:
            index = np.unravel_index(flat, value.shape)
            new = value.copy()
            new[index] = not new[index] if new.dtype == bool else new[index] / 2 + _one(value)
            after = self.run(**{name: new})
            if after.shape != before.shape:
                yield index, np.ones(before.shape, bool)
            else:
                yield index, ~((before == after) | ((before != before) & (after != after)))


def _one(value: np.ndarray) -> Any:
    return value.dtype.type(1 if value.dtype.kind in "iu" else 0.25)


@cache
def _engine(made: Made) -> ReferenceEvaluator | onnxruntime.InferenceSession:
    opset = next(o.version for o in made.model.opset_import if not o.domain)
    if opset > newest_opset():
        return ReferenceEvaluator(made.model)
    try:
        return session(made.model)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return ReferenceEvaluator(made.model)


@cache
def every_form() -> Sequence[Made]:
    """All forms, each in the newest version of its operator that is written that way."""
    newest: dict[Form, int] = {}
    for op_type, version in test_versions.promised():
        for form in test_versions.applicable(op_type, version):
            newest[form] = max(version, newest.get(form, 0))
    standard = [Made(f.op_type, f, *test_versions.build(f, v)) for f, v in newest.items()]
    own = [
        Made(f"com.microsoft::{f.op_type}", f, *test_microsoft.build(f)) for f in FLOATING + INTEGER
    ]
    return [*standard, *own]


def forms_with(traits: Trait, *without: str) -> list[Made]:
    """Forms of operators that have at least one of some traits."""
    return [m for m in every_form() if OPERATORS[m.name] & traits and m.name not in without]


def is_float(value: np.ndarray) -> bool:
    return value.dtype.kind == "f"
