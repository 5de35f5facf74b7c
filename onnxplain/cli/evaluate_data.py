"""The pictures that ``onnxplain evaluate`` is asked for: read, or drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onnxplain.errors import UsageError
from onnxplain.evaluate.built_in import FLOWERS, PICTURES, flower_samples
from onnxplain.inputs.dataset import Sample, read_dataset, spread


@contextmanager
def chosen_samples(
    data: str, *, masks: str | None, limit: int | None, variant: str, decoys: bool, seed: int
) -> Iterator[list[Sample]]:
    """List the pictures; drawn ones are there as long as the context is open.

    Raises
    ------
    UsageError
        If masks are given for pictures that have their own.
    """
    if data != FLOWERS:
        yield spread(read_dataset(data, masks=masks), limit)
        return
    if masks is not None:
        raise UsageError("the built-in flowers have masks of their own; leave out --masks")
    with flower_samples(variant, limit or PICTURES, decoys=decoys, seed=seed) as samples:
        yield samples
