"""Devices by name."""

import ctypes

import pytest
from graphs import classifier
from handmade import context_of

from onnxplain.adapters import device, ort_sessions
from onnxplain.adapters.device import cuda_device_count, parse_device
from onnxplain.errors import UsageError


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("auto", ("auto", 0)), ("cpu", ("cpu", 0)), ("cuda", ("cuda", 0)), ("cuda:3", ("cuda", 3))],
)
def test_known_names(text, parsed):
    assert parse_device(text) == parsed


@pytest.mark.parametrize(
    "text", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "auto:1", "cuda:1 "]
)
def test_other_names_are_refused(text):
    with pytest.raises(UsageError, match="allowed: auto, cpu, cuda, cuda:N"):
        parse_device(text)


@pytest.fixture
def without_cuda(monkeypatch):
    """A machine whose CUDA driver is missing, whatever this one has."""

    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    caches = (device.cuda_device_count, ort_sessions.cuda_loads)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("without_cuda")
class TestWithoutDriver:
    def test_no_devices(self):
        assert cuda_device_count() == 0
        assert not ort_sessions.cuda_loads()

    @pytest.mark.parametrize("name", ["auto", "cpu"])
    def test_the_processor_is_used(self, name):
        context = context_of(classifier(), device=name)
        assert context.network.ort.device == "CPUExecutionProvider"

    def test_cuda_is_refused_by_onnx_runtime(self):
        with pytest.raises(UsageError, match=r"0 CUDA devices found.*--device cpu"):
            _ = context_of(classifier(), device="cuda").network.ort


def test_cuda_is_refused_by_pytorch(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match=r"'cuda:1' is not usable by PyTorch.*--device cpu"):
        _ = context_of(classifier(), device="cuda:1").network.torch
    assert context_of(classifier(), device="auto").network.torch.device == "torch cpu"
