"""Fashion-MNIST as the Debian package ``dataset-fashion-mnist`` installs it."""

import gzip
from pathlib import Path

import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")
LABELS = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
]


def load_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read one split.

    Parameters
    ----------
    split : {"train", "t10k"}
        60,000 training or 10,000 test images.

    Returns
    -------
    images : (N, 28, 28) uint8 array
    classes : (N,) int64 array
    """
    images = _read_idx(FOLDER / f"{split}-images-idx3-ubyte.gz")
    classes = _read_idx(FOLDER / f"{split}-labels-idx1-ubyte.gz")
    return images, classes.astype(np.int64)


def _read_idx(path: Path) -> np.ndarray:
    # IDX: two zero bytes, type code (8 = uint8), number of axes, big-endian axis lengths, data.
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">i4", count=axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
