"""Memory of reading and converting, measured from outside; needs Linux."""

import sys

import onnx
import pytest

from benchmarks import memory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status"),
]
# Structure, small constants and allocation in pages, as a share of the weights.
SLACK = 0.15


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network of a quarter of a gigabyte, with its weights inside and beside."""
    folder = tmp_path_factory.mktemp("large")
    inside, beside = folder / "inside.onnx", folder / "beside.onnx"
    memory.synthesise(inside, wide=2048)
    onnx.save(onnx.load(inside), beside, save_as_external_data=True, location="beside.bin")
    return {"inside": (inside, 2), "beside": (beside, 1)}


@pytest.mark.parametrize("form", ["inside", "beside"])
def test_conversion_holds_the_weights_once_and_needs_them_twice_at_most(files, form):
    path, most = files[form]
    weights = memory.weights_of(path)
    read, convert = memory.measure(path, ("read", "convert"))
    for stage in (read, convert):
        assert stage["now"] <= (1 + SLACK) * weights
        assert stage["peak"] <= (most + SLACK) * weights
