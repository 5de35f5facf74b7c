"""Data sets that are drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onnxplain.evaluate.flowers import write_flowers
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.process.leftovers import temporary_folder

FLOWERS = "flowers"
PICTURES = 200
# Away from the flowers that the shipped classifiers were trained and tested with.
_FIRST, _APART = 20_000_000, 1_000_000


@contextmanager
def flower_samples(
    variant: str = "double12", count: int = PICTURES, *, decoys: bool = True, seed: int = 0
) -> Iterator[list[Sample]]:
    """Draw flowers of all classes in turn, with masks of the part that decides.

    They lie in a temporary folder while the context is open.

    Parameters
    ----------
    variant : {"single6", "double12"}
        See `onnxplain.evaluate.flowers.flower`.
    count : int
        How many, at most a million.
    decoys : bool
        Whether the background takes colours of the classes.
    seed : int
        Each seed has flowers of its own.

    Raises
    ------
    UnknownNameError
        If there is no such variant.
    """
    with temporary_folder("pictures") as folder:
        first = _FIRST + _APART * seed
        write_flowers(folder, variant, count, first_seed=first, decoys=decoys)
        yield read_dataset(folder)
