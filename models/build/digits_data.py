"""scikit-learn's handwritten digits as 8 x 8 pictures, split once and for all."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

LABELS = [str(digit) for digit in range(10)]
TEST_IMAGES = 397


class Split(NamedTuple):
    """(N, 8, 8) uint8 pictures in 0..255 and their (N,) int64 classes."""

    images: np.ndarray
    classes: np.ndarray


def load_splits() -> tuple[Split, Split]:
    """Return the training split (1,400 pictures) and the test split (397)."""
    digits = load_digits()
    # The source counts ink in 0..16. Rounding to 8 bits here and not later makes a picture
    # saved as PNG exactly what the classifiers were trained on.
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    train, test = train_test_split(
        np.arange(len(images)), test_size=TEST_IMAGES, random_state=0, stratify=digits.target
    )
    classes = digits.target.astype(np.int64)
    return Split(images[train], classes[train]), Split(images[test], classes[test])
