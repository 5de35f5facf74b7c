"""Parts of a file and the digest of the whole."""

import hashlib
import itertools

import numpy as np
import pytest

from onnxplain.graph.hashed import HashedFile

DATA = np.random.default_rng(0).bytes(3000)
PARTS = [(0, 100), (50, 200), (1000, 8), (2992, 8)]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "weights").write_bytes(DATA)
    return tmp_path / "weights"


@pytest.mark.parametrize("parts", [*itertools.permutations(PARTS, 3), ()])
def test_the_digest_does_not_depend_on_what_is_read(path, parts):
    with HashedFile(path, "weights") as file:
        for offset, length in parts:
            assert file.read(offset, length) == DATA[offset : offset + length]
        found = file.finish()
    assert found.sha256 == hashlib.sha256(DATA).hexdigest()
    assert file.bytes == len(DATA)


def test_arrays_are_filled(path):
    with HashedFile(path, "weights") as file:
        array = np.empty((5, 4), "<f4")
        file.fill(16, array)
        found = file.finish()
    assert array.tobytes() == DATA[16:96]
    assert found.sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_file_that_became_shorter_or_longer_is_refused(path):
    with HashedFile(path, "weights") as file:
        path.write_bytes(DATA[:500])
        with pytest.raises(ValueError, match="changed while it was being read"):
            file.read(400, 200)
    path.write_bytes(DATA)
    with HashedFile(path, "weights") as file:
        file.read(0, 10)
        path.write_bytes(DATA + b"x")
        with pytest.raises(ValueError, match="changed while it was being read"):
            file.finish()


def test_no_file(tmp_path):
    with pytest.raises(OSError, match="none"):
        HashedFile(tmp_path / "none", "none")
