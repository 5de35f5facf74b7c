"""Arrays of numbers from files that may hold anything."""

import numpy as np
import pytest

from onnxplain.inputs.array_file import read_array


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float64])
def test_numbers_come_back(tmp_path, kind):
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    np.save(tmp_path / "a.npy", array)
    found = read_array(str(tmp_path / "a.npy"))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    found[:] = 0  # a copy in memory, not the file
    assert np.array_equal(np.load(tmp_path / "a.npy"), array)


@pytest.mark.parametrize("array", [np.array(["a", "b"]), np.array([1j]), np.array([{}], object)])
def test_what_is_no_number_is_refused_and_not_unpickled(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match="not an array of numbers in NumPy's format"):
        read_array(tmp_path / "a.npy")


def test_a_header_that_promises_more_than_the_file_holds(tmp_path):
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ValueError, match="not an array of numbers"):
        read_array(path)


def test_other_files_and_none(tmp_path):
    (tmp_path / "text.npy").write_text("1 2 3")
    with pytest.raises(ValueError, match=r"not an array of numbers in NumPy's format \("):
        read_array(tmp_path / "text.npy")
    for missing in (tmp_path / "b.npy", tmp_path):
        with pytest.raises(ValueError, match="there is no such file"):
            read_array(missing)
