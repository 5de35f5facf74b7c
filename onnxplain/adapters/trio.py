"""Three batches in which two inputs keep their places while all others change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnxplain.adapters.base import Array
from onnxplain.adapters.parity import largest, plain_input
from onnxplain.graph.image_input import ImageInput

# Inputs in each batch of a file that takes any number: more would only cost more.
_SIZE = 2


@dataclass(frozen=True)
class Trio:
    """The inputs ``a ... z``, ``a ... *`` and ``* ... z``, every other place different.

    The batches are of one size, so the same kernels do the same arithmetic for ``a`` in the
    first two, and for ``z`` in the first and the third: if no other input comes in, the results
    are the same to the last bit. Whatever comes in from the end shows at ``a``, and whatever
    comes in from the front at ``z``.

    Attributes
    ----------
    first, last : (1, ...) array
        The inputs ``a`` and ``z``.
    batches : tuple of three (size, ...) arrays
        As above.
    """

    first: Array
    last: Array
    batches: tuple[Array, Array, Array]

    @classmethod
    def of(cls, x: Array, image: ImageInput) -> Trio:
        """Make the batches from one input.

        ``z`` has reversed contrast and is shifted; the others are noise in the range of `x`,
        its mean colour, and `x` shifted: what methods make of a picture, and as different from
        each other as they get.

        Parameters
        ----------
        x : (1, ...) array
            An input like those that will be explained.
        image : ImageInput
            Its layout, and the batch size that the file insists on.
        """
        size = image.batch or _SIZE
        low, high = float(x.min()), float(x.max())
        axes = tuple(a + 1 for a in image.spatial)
        third = tuple(x.shape[a] // 3 for a in axes)
        reversed_ = low + high - x.astype(np.float64)
        last = np.roll(reversed_.astype(x.dtype), third, axes)
        noise = np.random.default_rng(0).uniform(low, high, x.shape).astype(x.dtype)
        plain, shifted = plain_input(x, image), np.roll(x, third, axes)
        middle = [plain] * (size - 2)
        others = ([noise, shifted] * size)[: size - 1]
        rows = ([x, *middle, last], [x, *others], [*others, last])
        first, second, third_batch = (np.concatenate(row) for row in rows)
        return cls(x, last, (first, second, third_batch))

    @property
    def size(self) -> int:
        """Inputs in each batch."""
        return len(self.batches[0])

    def differences(self, found: Sequence[Array], first: Array, last: Array) -> tuple[float, float]:
        """Largest differences that the other inputs of a batch, and being in one, make.

        Parameters
        ----------
        found : sequence of three arrays
            A tensor for each batch; infinite differences if axis 0 is not the batch.
        first, last : array
            The tensor for those inputs alone.
        """
        if any(f.shape != (self.size, *first.shape[1:]) for f in found):
            return float("inf"), float("inf")
        both, of_first, of_last = found
        content = max(unequal(both[:1], of_first[:1]), unequal(both[-1:], of_last[-1:]))
        return content, max(unequal(both[:1], first), unequal(both[-1:], last))


def unequal(one: Array, other: Array) -> float:
    """Largest difference of two arrays; 0 if not a number stands at the same places.

    Infinite if their shapes differ, or something is not a number in one of them alone.
    """
    if one.shape != other.shape:
        return float("inf")
    if np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
        return 0.0
    found = largest(one, other)
    return found if np.isfinite(found) else float("inf")
