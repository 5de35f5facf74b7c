"""Inputs that differ inside of a window, run as a whole: what every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Block, Engine, WindowChanges, WindowRun, changed_inputs
from onnxplain.errors import UsageError


def whole_windows(
    activations: Callable[[Array, Sequence[str]], dict[str, Array]],
    base: Array,
    changes: WindowChanges,
    names: Sequence[str],
    spatial: tuple[int, int],
    batch: BatchChoice,
    engine: Engine,
    because: str,
) -> WindowRun:
    """Return the named tensors for changed inputs, a batch at a time.

    Parameters
    ----------
    activations : callable
        Runs whole inputs.
    base, changes, names, engine
        As for `Adapter.windowed`.
    spatial : (int, int)
        Axes of height and width in one input.
    batch : BatchChoice
        Inputs at a time.
    because : str
        Why they run as a whole, for the record.

    Raises
    ------
    UsageError
        If the incremental engine is asked for.
    """
    if engine == "incremental":
        raise UsageError("the incremental engine runs in ONNX Runtime; use engine=auto")

    def compute(part: slice) -> dict[str, Array]:
        return activations(changed_inputs(base, changes, every[part], spatial), names)

    def blocks() -> Iterator[Block]:
        for part, found in batch.run(compute, len(changes)):
            yield np.arange(part.start, part.stop), found

    every = range(len(changes))
    record = {"name": "brute-force", "because": because, "batch": batch.chosen}
    return WindowRun(record, blocks())
