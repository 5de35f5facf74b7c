"""Inputs that differ inside of a window, run as a whole: what every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnxplain.adapters.base import Array
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import Engine, WindowChanges, WindowRun, changed_inputs
from onnxplain.errors import UsageError


def whole_windows(
    activations: Callable[[Array, Sequence[str]], dict[str, Array]],
    base: Array,
    changes: WindowChanges,
    names: Sequence[str],
    spatial: tuple[int, int],
    batch: int,
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
    batch : int
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

    def compute(indices: Sequence[int]) -> dict[str, Array]:
        return activations(changed_inputs(base, changes, indices, spatial), names)

    record = {"name": "brute-force", "because": because, "batch": batch}
    return WindowRun(record, BatchChoice([batch]).run(compute, range(len(changes))))
