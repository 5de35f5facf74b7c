"""Deflate, by ISA-L or by zlib."""

import importlib
import sys
import zlib

import pytest

import onnxplain.explanations.deflate

DATA = {
    "nothing": b"",
    "zeros": bytes(100_000),
    "text": b"the quick brown fox " * 999,
    "noise": bytes(k * k % 251 for k in range(99_999)),
}


@pytest.fixture(params=["isal", "zlib"])
def deflate(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
        monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    else:
        pytest.importorskip("isal")
    yield importlib.reload(onnxplain.explanations.deflate)
    monkeypatch.undo()
    importlib.reload(onnxplain.explanations.deflate)


@pytest.mark.parametrize("name", DATA)
def test_zlib_reads_what_was_packed(deflate, name):
    packed = deflate.compress(DATA[name], deflate.FAST)
    assert zlib.decompress(packed) == DATA[name]
    assert len(packed) < 1.01 * len(DATA[name]) + 20


@pytest.mark.parametrize("name", DATA)
def test_sums_are_those_of_zlib_also_in_parts(deflate, name):
    data = DATA[name]
    assert deflate.crc32(data) == zlib.crc32(data)
    assert deflate.crc32(data[7:], deflate.crc32(data[:7])) == zlib.crc32(data)
