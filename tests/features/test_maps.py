"""Feature maps: bit for bit what ONNX Runtime computes in the user's own file."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import onnxplain
from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.maps import feature_maps

DIGIT, CAT = "examples/digits/3-10.png", "examples/photos/chelsea.png"


def extra_output(path, tensor, x):
    """What ONNX Runtime gives when the file itself names one more output."""
    proto = onnx.load(path)
    proto.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    session = ort.InferenceSession(
        proto.SerializeToString(), ort.SessionOptions(), providers=["CPUExecutionProvider"]
    )
    return session.run([tensor], {session.get_inputs()[0].name: x})[0]


@pytest.mark.parametrize(
    ("stem", "image", "layer"),
    [
        ("digits-gap", DIGIT, "/2/Conv_output_0"),
        ("digits-softmax", DIGIT, "/2/Relu_output_0"),
        ("efficientnet-lite0", CAT, "add_140"),
    ],
)
def test_maps_are_those_of_an_extra_output(stem, image, layer):
    path = f"models/{stem}.onnx"
    model = onnxplain.load(path)
    found = feature_maps(model, image, layer)
    expected = extra_output(path, layer, model.read(image).x)[0]
    assert found.values.dtype == expected.dtype
    assert np.array_equal(found.values, expected)
    assert np.ptp(expected) > 0


def test_strongest_channels_come_first():
    found = feature_maps(onnxplain.load("models/digits-gap.onnx"), DIGIT, count=5)
    strength = np.abs(found.values).mean(axis=(1, 2))
    assert len(found.channels) == 5
    assert found.channels == sorted(range(32), key=lambda k: -strength[k])[:5]


def test_named_channels_keep_their_order():
    model = onnxplain.load("models/digits-gap.onnx")
    assert feature_maps(model, DIGIT, channels=[7, 2, 7]).channels == [7, 2]
    with pytest.raises(UsageError, match=r"channel 32 is out of range: .* has 0\.\.31"):
        feature_maps(model, DIGIT, channels=[32])
    with pytest.raises(UnknownNameError, match="unknown layer"):
        feature_maps(model, DIGIT, "nonsense")


def test_tokens_and_channels_last_are_laid_out_as_maps():
    vit = feature_maps(onnxplain.load("models/digits-vit.onnx"), DIGIT)
    assert vit.is_spatial
    assert vit.values.shape == (32, 4, 4)
    keras = feature_maps(onnxplain.load("models/fashion-cnn.onnx"), "examples/fashion/bag-18.png")
    assert keras.is_spatial
    assert keras.values.shape[1] == keras.values.shape[2] > 1


@pytest.mark.parametrize(("layer", "shape"), [("logits", (10, 1, 1)), ("image", (1, 8, 8))])
def test_any_tensor_can_be_shown(layer, shape):
    found = feature_maps(onnxplain.load("models/digits-gap.onnx"), DIGIT, layer)
    assert found.values.shape == shape


def test_attention_is_shown_by_head_and_more_axes_are_refused():
    model = onnxplain.load("models/digits-vit.onnx")
    softmax = next(n.output for n in model.network.graph.nodes if n.op_type == "Softmax")
    found = feature_maps(model, DIGIT, softmax)
    assert found.values.shape == (4, 17, 17)
    assert not found.is_spatial
    np.testing.assert_allclose(found.values.sum(-1), 1, atol=1e-6)
    five = next(n for n, s in model.network.shapes.items() if len(s) == 5)
    with pytest.raises(MethodRefusedError, match="cannot be shown as maps"):
        feature_maps(model, DIGIT, five)


def test_file_holds_every_channel_and_where_it_came_from(tmp_path):
    model = onnxplain.load("models/digits-gap.onnx")
    found = feature_maps(model, DIGIT, count=2)
    found.save(tmp_path / "maps.npz")
    record, arrays = read_archive(tmp_path / "maps.npz", "feature maps")
    assert np.array_equal(arrays["maps"], found.values)
    assert arrays["channels"].tolist() == found.channels
    assert record["model_sha256"] == model.sha256
    assert record["input"] == DIGIT
    assert record["layer"] == found.layer
    with pytest.raises(UsageError, match="is not a saved atlas file"):
        read_archive(tmp_path / "maps.npz", "atlas")
    (tmp_path / "maps.npz").write_bytes(b"PK nonsense")
    with pytest.raises(UsageError, match="is not a saved feature maps file"):
        read_archive(tmp_path / "maps.npz", "feature maps")
    with pytest.raises(UsageError, match="no saved feature maps file"):
        read_archive(tmp_path / "missing.npz", "feature maps")


def test_record_is_plain_json(tmp_path):
    found = feature_maps(onnxplain.load("models/digits-gap.onnx"), DIGIT)
    found.save(tmp_path / "maps.npz")
    with np.load(tmp_path / "maps.npz", allow_pickle=False) as file:
        assert json.loads(str(file["record"]))["kind"] == "feature maps"
