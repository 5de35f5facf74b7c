"""The pictures that ``onnxplain evaluate`` is asked for: read, or drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from onnxplain.cli.boxes import with_boxes
from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.built_in import FLOWERS, PICTURES, flower_samples
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.model.model import Model


@contextmanager
def chosen_samples(
    data: str | Sequence[str],
    model: Model,
    *,
    masks: str | None,
    boxes: str | None,
    limit: int | None,
    variant: str,
    decoys: bool,
    seed: int,
) -> Iterator[tuple[list[Sample], Truth | None]]:
    """List the pictures and what is annotated; drawn ones are there while the context is open.

    Raises
    ------
    UsageError
        If masks or boxes are given for pictures that have their own masks, or other data
        beside the built-in ones.
    """
    data = [data] if isinstance(data, str) else data
    if FLOWERS not in data:
        samples, truth = with_boxes(read_datasets(data, masks=masks), boxes, masks, model)
        yield spread(samples, limit), truth
        return
    if set(data) != {FLOWERS}:
        raise UsageError(
            f"{FLOWERS!r} is the built-in data set; give it alone, or write ./{FLOWERS} for "
            "a folder of that name"
        )
    for given, option in ((masks, "--masks"), (boxes, "--boxes")):
        if given is not None:
            raise UsageError(f"the built-in flowers have masks of their own; leave out {option}")
    with flower_samples(variant, limit or PICTURES, decoys=decoys, seed=seed) as samples:
        yield samples, None
