"""Write a model, with large weights in a file beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from onnxplain.files import whole_file
from onnxplain.graph.light import Weights, filled_in, weights_size

# A model with more than this keeps its weights beside it; the format itself ends at 2 GiB.
_LARGEST = 1 << 30


def save(model: onnx.ModelProto, weights: Weights, path: Path, *, beside: bool = False) -> int:
    """Write a model under its name, whole or not at all.

    Parameters
    ----------
    model : onnx.ModelProto
        The model; it is changed if weights go beside it.
    weights : dict of str to array
        Initializers whose values it lacks.
    path : Path
        The file.
    beside : bool
        Put these into ``path.data``, as is done with all that are too large for one file.

    Returns
    -------
    int
        Bytes of all files.
    """
    if not beside and weights_size(model) <= _LARGEST:
        with whole_file(path) as file:
            data = filled_in(model, weights).SerializeToString()
            file.write(data)
        return len(data)
    location = f"{path.name}.data"
    offset = 0
    with whole_file(path.with_name(location)) as file:
        for tensor in model.graph.initializer:
            if tensor.name not in weights:
                continue
            array = np.ascontiguousarray(weights[tensor.name])
            little = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
            file.write(little)
            del tensor.external_data[:]
            said = {"location": location, "offset": str(offset), "length": str(len(little))}
            for key, value in said.items():
                tensor.external_data.add(key=key, value=value)
            offset += len(little)
    with whole_file(path) as file:
        data = model.SerializeToString()
        file.write(data)
    return len(data) + offset
