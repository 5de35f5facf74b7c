"""Changed inputs run as a whole, a batch at a time."""

import numpy as np
import pytest

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import WindowChanges
from onnxplain.adapters.whole_windows import whole_windows
from onnxplain.errors import UsageError

WINDOWS = np.array([[k, k + 1, 0, 2] for k in range(5)])


def run(engine="auto"):
    sizes = []

    def activations(x, names):
        sizes.append(len(x))
        return {name: x.sum((1, 2, 3)) for name in names}

    base = np.arange(20.0).reshape(1, 5, 4)
    changes = WindowChanges.from_picture(WINDOWS, np.zeros((1, 5, 4)), (1, 2))
    return whole_windows(
        activations, base, changes, ["t"], (1, 2), BatchChoice([2]), engine, "why"
    ), sizes


def test_every_window_comes_once_with_the_value_of_its_input():
    found, sizes = run()
    values = {}
    for indices, tensors in found.blocks:
        values.update(zip(indices.tolist(), tensors["t"].tolist(), strict=True))
    # Row k loses its first two numbers, 4 k and 4 k + 1.
    assert values == {k: 190.0 - (8 * k + 1) for k in range(5)}
    assert sum(sizes) == 5
    assert max(sizes) <= 2
    assert found.engine == {"name": "brute-force", "because": "why", "batch": 2}


def test_the_incremental_engine_is_another_ones():
    with pytest.raises(UsageError, match="incremental engine runs in ONNX Runtime"):
        run("incremental")
