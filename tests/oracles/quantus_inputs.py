"""What both Quantus and this project are shown."""

from pathlib import Path

import numpy as np
from PIL import Image

# Pixels deleted at a time, what they become, noise, and how many strongest pixels count.
PIXELS, BASELINE, RADIUS, TOP = 8, 0.0, 0.05, 12
# Shares of 64 pixels that are the same number rounded down, as there, and to the nearest, as here.
ROAD_SHARES = (0.1, 0.3, 0.5, 0.6, 0.8)


def maps() -> tuple[np.ndarray, np.ndarray]:
    """Signed maps (N, 8, 8) without ties, and masks in which they may be right."""
    rng = np.random.default_rng(11)
    masks = np.zeros((6, 8, 8), bool)
    for k, (row, column) in enumerate(rng.integers(0, 4, (6, 2))):
        masks[k, row : row + 3 + k % 2, column : column + 4] = True
    # Larger than any mask and positive there more often than not, as maps are.
    return rng.normal(0.8, 1.0, masks.shape) + 0.7 * masks * rng.random((6, 1, 1)), masks


def pictures() -> np.ndarray:
    """Four digits (4, 8, 8)."""
    files = sorted(Path("examples/digits").glob("*.png"))[1:8:2]
    return np.stack([np.asarray(Image.open(f)) for f in files])


def noise(size: tuple[int, int]) -> list[np.ndarray]:
    """Five changes of a digit, uniform in [-1, 1]."""
    rng = np.random.default_rng(7)
    return [rng.uniform(-1.0, 1.0, (1, 1, *size)) for _ in range(5)]


def plane() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs of a linear layer, its weights (2, 64), and attributions of output 1.

    All are whole numbers, since Quantus compares sums exactly. The first attribution is
    right, the second is off by one.
    """
    rng = np.random.default_rng(3)
    x = np.repeat(rng.integers(0, 9, (1, 1, 8, 8)), 2, axis=0).astype(np.float32)
    weights = rng.integers(-4, 5, (2, 64)).astype(np.float32)
    attributions = x * weights[1].reshape(1, 1, 8, 8)
    attributions[1, 0, 0, 0] += 1
    return x, weights, attributions


def neighbours(x: np.ndarray) -> list[np.ndarray]:
    """Five inputs around one, each value of which is changed by a share of itself."""
    return [x * (1 + RADIUS * change) for change in noise((8, 8))]


def removed(shape: tuple[int, int]) -> np.ndarray:
    """Half of the pixels of a picture, at random, and a whole corner."""
    found = np.random.default_rng(5).random(shape) < 0.5
    found[: shape[0] // 4, : shape[1] // 4] = True
    return found


def flower() -> np.ndarray:
    """A flower (32, 32, 3) in [0, 1], made smaller."""
    file = sorted(Path("examples/flowers").glob("*.png"))[0]
    return np.asarray(Image.open(file).convert("RGB").resize((32, 32))) / 255
