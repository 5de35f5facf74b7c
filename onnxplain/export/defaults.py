"""Defaults of the inputs that an exported file has in addition, and a file without them."""

from __future__ import annotations

from collections.abc import Iterable

import onnx


def without_defaults(model: onnx.ModelProto, inputs: Iterable[str]) -> None:
    """Take the defaults of inputs out of a model, so that they have to be fed.

    An input has a default by an initializer of its name. ONNX Runtime's interfaces for
    JavaScript list and feed only inputs without one: onnxruntime-web refuses the others, and
    onnxruntime-node passes over what it is given for them.

    Parameters
    ----------
    model : onnx.ModelProto
        The model, which is changed.
    inputs : iterable of str
        Names of the inputs.
    """
    names = set(inputs)
    kept = [t for t in model.graph.initializer if t.name not in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
