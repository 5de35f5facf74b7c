"""Weights beside the model, and locations that lead elsewhere."""

import hashlib

import numpy as np
import onnx
import pytest

from onnxplain.errors import ModelFileError
from onnxplain.graph import light
from onnxplain.graph.external import one_line, read_external_data, tensors_of
from tests.graph.written import model

W = np.arange(2000, dtype=np.float32).reshape(40, 50)
B = np.arange(50, dtype=np.float32)


def stored(folder):
    proto = model("y = Gemm(x, w, b)", "float[1,40] x", "float[1,50] y", w=W, b=B)
    onnx.save(
        proto, folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0
    )
    return onnx.load(folder / "m.onnx", load_external_data=False)


def point(proto, **entries):
    tensor = proto.graph.initializer[0]
    for entry in tensor.external_data:
        entry.value = entries.pop(entry.key, entry.value)
    return proto


@pytest.mark.parametrize("large", [True, False])
def test_values_come_back_with_the_digest_of_their_file(tmp_path, monkeypatch, large):
    proto = stored(tmp_path)
    if large:
        monkeypatch.setattr(light, "LARGE", 1000)
    weights, (file,) = read_external_data(proto, tmp_path / "m.onnx")
    assert file.sha256 == hashlib.sha256((tmp_path / "m.data").read_bytes()).hexdigest()
    w, b = proto.graph.initializer
    assert np.array_equal(onnx.numpy_helper.to_array(b), B)
    assert list(weights) == (["w"] if large else [])
    assert np.array_equal(weights["w"] if large else onnx.numpy_helper.to_array(w), W)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"location": "../m.data"}, "leaves the folder of the model; refused"),
        ({"location": "/etc/hostname"}, "leaves the folder of the model; refused"),
        ({"location": ""}, "leaves the folder of the model; refused"),
        ({"location": "gone.data"}, "is missing; keep the file beside the model"),
        ({"offset": "-4"}, "is damaged: "),
        ({"offset": "x"}, "is damaged"),
        ({"length": "99999"}, "is truncated: "),
    ],
)
def test_entries_that_cannot_be_followed(tmp_path, entries, said):
    folder = tmp_path / "inner"
    folder.mkdir()
    proto = point(stored(folder), **entries)
    (tmp_path / "m.data").write_bytes((folder / "m.data").read_bytes())
    with pytest.raises(ModelFileError, match=said):
        read_external_data(proto, folder / "m.onnx")


def test_a_link_that_leads_out_is_refused(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    proto = stored(folder)
    (folder / "m.data").rename(tmp_path / "outside.data")
    (folder / "m.data").symlink_to(tmp_path / "outside.data")
    with pytest.raises(ModelFileError, match="leaves the folder"):
        read_external_data(proto, folder / "m.onnx")


def test_tensors_are_found_wherever_one_may_stand():
    made = onnx.numpy_helper.from_array
    proto = model("a = Constant<value = float {1.0}>() y = Add(x, w)", "float x", "float y", w=W)
    body = onnx.GraphProto(initializer=[made(B, "inner")])
    proto.graph.node.add(op_type="If", attribute=[onnx.helper.make_attribute("then_branch", body)])
    proto.graph.sparse_initializer.add(values=made(B, "v"), indices=made(np.arange(50), "i"))
    assert sorted(t.name for t in tensors_of(proto)) == ["", "i", "inner", "v", "w"]


def test_one_line():
    assert one_line(ValueError("\n  a b \nc")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 999))) == 300
