"""Files and pictures that nobody vouches for: one clear line each, never a traceback."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import onnxplain
from onnxplain.errors import (
    ImageError,
    ModelFileError,
    NumericalError,
    OutputError,
    UnknownNameError,
    UnsupportedModelError,
    UsageError,
)
from onnxplain.inputs.image import MAX_PIXELS, open_image

MODEL = "models/digits-gap.onnx"
DIGIT = np.full((8, 8), 128, np.uint8)


def one_line(caught):
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def tiny_classifier(
    weight=None, *, external=None, op="Gemm", domain="", input_shape=("N", 3, 4, 4)
):
    """Flatten and one linear layer, with ten classes."""
    weight = np.ones((10, 48), np.float32) if weight is None else weight
    tensor = numpy_helper.from_array(weight, "w")
    if external is not None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            tensor.external_data.add(key=key, value=value)
    attributes = {"transB": 1} if op == "Gemm" else {}
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node(op, ["f", "w"], ["y"], domain=domain, **attributes),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [tensor],
    )
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, ir_version=9, opset_imports=opsets)


def written(tmp_path, model):
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


class TestModelFiles:
    @pytest.mark.parametrize(
        "content",
        [b"", b"not a model at all", b"\x00" * 64, b"<html></html>", b"\x89PNG\r\n\x1a\n"],
    )
    def test_not_an_onnx_file(self, tmp_path, content):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="is not") as caught:
            onnxplain.load(path)
        assert str(path) in one_line(caught)

    def test_missing(self, tmp_path):
        with pytest.raises(ModelFileError, match="no model file") as caught:
            onnxplain.load(tmp_path / "absent.onnx")
        one_line(caught)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_truncated(self, tmp_path, share):
        with open(MODEL, "rb") as file:
            content = file.read()
        path = tmp_path / "cut.onnx"
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ModelFileError) as caught:
            onnxplain.load(path)
        one_line(caught)

    def test_checker_invalid(self, tmp_path):
        model = tiny_classifier()
        model.graph.node[1].input[0] = "nobody writes this"
        with pytest.raises(ModelFileError, match="not a valid ONNX model") as caught:
            onnxplain.load(written(tmp_path, model))
        one_line(caught)

    def test_missing_external_data(self, tmp_path):
        model = tiny_classifier(external={"location": "weights.bin"})
        with pytest.raises(ModelFileError, match=r"weights\.bin.*missing") as caught:
            onnxplain.load(written(tmp_path, model))
        one_line(caught)

    def test_truncated_external_data(self, tmp_path):
        (tmp_path / "weights.bin").write_bytes(b"\x00" * 100)
        model = tiny_classifier(
            external={"location": "weights.bin", "offset": "0", "length": "1920"}
        )
        with pytest.raises(ModelFileError, match="truncated") as caught:
            onnxplain.load(written(tmp_path, model))
        one_line(caught)

    @pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin"])
    def test_external_data_outside_of_the_folder_is_refused(self, tmp_path, location):
        folder = tmp_path / "model"
        folder.mkdir()
        (tmp_path / "secret.bin").write_bytes(b"\x00" * 1920)
        (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
        model = tiny_classifier(external={"location": location})
        with pytest.raises(ModelFileError, match="leaves the folder") as caught:
            onnxplain.load(written(folder, model))
        one_line(caught)

    def test_external_data_inside_of_the_folder_is_read(self, tmp_path):
        # Whole numbers, so that sums in float32 are exact.
        weight = np.random.default_rng(0).integers(-9, 9, (10, 48)).astype(np.float32)
        (tmp_path / "weights.bin").write_bytes(weight.tobytes())
        path = written(tmp_path, tiny_classifier(external={"location": "weights.bin"}))
        pixels = np.zeros((4, 4, 3), np.uint8)
        prediction = onnxplain.load(path, preprocess="zero-one").predict(pixels + 255)
        np.testing.assert_array_equal(prediction.logits, weight.sum(1))

    def test_unknown_operator(self, tmp_path):
        with pytest.raises(ModelFileError, match="Sparkle") as caught:
            onnxplain.load(written(tmp_path, tiny_classifier(op="Sparkle")))
        one_line(caught)

    def test_operator_of_an_unknown_library(self, tmp_path):
        path = written(tmp_path, tiny_classifier(op="Sparkle", domain="acme"))
        with pytest.raises(UnsupportedModelError, match="Sparkle") as caught:
            onnxplain.load(path)
        one_line(caught)

    def test_no_image_like_input(self, tmp_path):
        path = written(tmp_path, tiny_classifier(input_shape=("N", 48)))
        with pytest.raises(UnsupportedModelError, match="no input looks like an image") as caught:
            onnxplain.load(path)
        assert "['N', 48]" in one_line(caught)

    def test_as_many_channels_as_rows_may_be_either(self, tmp_path):
        weight = np.ones((10, 96), np.float32)
        path = written(tmp_path, tiny_classifier(weight, input_shape=("N", 6, 4, 4)))
        with pytest.raises(UnsupportedModelError, match="nothing says which axis"):
            onnxplain.load(path)

    @pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "Inf")])
    def test_nan_and_inf_in_the_output(self, tmp_path, value, said):
        weight = np.ones((10, 48), np.float32)
        weight[3] = value
        model = onnxplain.load(written(tmp_path, tiny_classifier(weight)), preprocess="zero-one")
        with pytest.raises(NumericalError, match=f"'y' holds .*{said}") as caught:
            model.predict(np.full((4, 4, 3), 9, np.uint8))
        one_line(caught)


class TestNames:
    def test_unknown_class_offers_the_nearest(self):
        model = onnxplain.load("models/fashion-cnn.onnx")
        with pytest.raises(UnknownNameError, match="ankle boot") as caught:
            model.explain(np.zeros((28, 28), np.uint8), "cam", "ankle boots")
        one_line(caught)

    @pytest.mark.parametrize("index", [-1, 10, 99999999999])
    def test_class_index_out_of_range(self, index):
        with pytest.raises(UsageError, match=r"0\.\.9") as caught:
            onnxplain.load(MODEL).explain(DIGIT, "cam", index)
        one_line(caught)

    def test_unknown_layer_offers_the_nearest(self):
        with pytest.raises(UnknownNameError, match="Relu_output_0") as caught:
            onnxplain.load(MODEL).explain(DIGIT, "cam", layer="/6/Relu_output_9")
        one_line(caught)

    def test_layer_without_places(self):
        with pytest.raises(UsageError, match="has no height and width") as caught:
            onnxplain.load(MODEL).explain(DIGIT, "cam", layer="logits")
        one_line(caught)

    def test_unknown_method_and_parameter(self):
        model = onnxplain.load(MODEL)
        with pytest.raises(UnknownNameError, match="grad-cam"):
            model.explain(DIGIT, "grad-cm")
        with pytest.raises(UnknownNameError, match="window"):
            model.explain(DIGIT, "occlusion", windov=3)
        with pytest.raises(UsageError, match="whole number"):
            model.explain(DIGIT, "occlusion", window="big")
        with pytest.raises(UsageError, match="1 to 8"):
            model.explain(DIGIT, "occlusion", window=9)

    def test_labels_of_the_wrong_length(self):
        with pytest.raises(UsageError, match="2 names, but the model has 10 classes"):
            onnxplain.load(MODEL, labels=["a", "b"])

    def test_preprocess_with_the_wrong_channels(self):
        recipe = onnxplain.Preprocess("mine", "NCHW", (8, 8))
        with pytest.raises(UsageError, match="takes 1"):
            onnxplain.load(MODEL, preprocess=recipe)

    def test_preprocess_file_with_an_unknown_key(self, tmp_path):
        path = tmp_path / "p.json"
        path.write_text(json.dumps({"name": "p", "layout": "NCHW", "size": [8, 8], "colour": "x"}))
        with pytest.raises(UsageError, match="unknown: colour"):
            onnxplain.load(MODEL, preprocess=path)

    def test_preprocess_of_another_size(self):
        recipe = onnxplain.Preprocess("mine", "NCHW", (9, 9), color="gray", mean=(0.0,), std=(1.0,))
        with pytest.raises(UsageError, match="fixed size 8 x 8"):
            onnxplain.load(MODEL, preprocess=recipe)


class TestImages:
    def save(self, tmp_path, image, name="image.png", **options):
        path = tmp_path / name
        image.save(path, **options)
        return path

    def test_truncated(self, tmp_path):
        with open("examples/photos/chelsea.png", "rb") as file:
            content = file.read()
        path = tmp_path / "cut.png"
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ImageError, match=r"cut\.png") as caught:
            open_image(path)
        one_line(caught)

    @pytest.mark.parametrize("content", [b"", b"GIF89a", b"hello", b"\xff\xd8\xff\xe0"])
    def test_not_an_image(self, tmp_path, content):
        path = tmp_path / "image.png"
        path.write_bytes(content)
        with pytest.raises(ImageError, match="cannot read image") as caught:
            open_image(path)
        one_line(caught)

    def test_cmyk(self, tmp_path):
        path = self.save(tmp_path, Image.new("CMYK", (9, 7), (0, 255, 255, 0)), "c.jpg", quality=98)
        image = open_image(path)
        assert image.mode == "RGB"
        red, green, blue = image.getpixel((4, 3))
        assert red > 200
        assert max(green, blue) < 60

    def test_16_bit_is_scaled_not_clipped(self, tmp_path):
        values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
        image = open_image(self.save(tmp_path, Image.fromarray(values)))
        np.testing.assert_array_equal(np.asarray(image).ravel(), np.round(values.ravel() / 257))

    def test_palette(self, tmp_path):
        image = Image.new("P", (4, 4), 1)
        image.putpalette([0, 0, 0, 10, 200, 30])
        assert open_image(self.save(tmp_path, image)).getpixel((0, 0)) == (10, 200, 30)

    def test_transparency_lies_on_white(self, tmp_path):
        image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
        image.putpixel((1, 1), (255, 0, 0, 255))
        opened = open_image(self.save(tmp_path, image))
        assert opened.getpixel((0, 0)) == (255, 255, 255)
        assert opened.getpixel((1, 1)) == (255, 0, 0)

    def test_exif_rotation_is_applied(self, tmp_path):
        image = Image.new("RGB", (20, 10))
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned by a quarter
        assert open_image(self.save(tmp_path, image, "r.jpg", exif=exif)).size == (10, 20)

    def test_one_pixel(self, tmp_path):
        path = self.save(tmp_path, Image.new("L", (1, 1), 200))
        found = onnxplain.load(MODEL).explain(path, "cam")
        assert np.isfinite(found.attribution).all()

    def test_decompression_bomb(self, tmp_path):
        side = int(MAX_PIXELS**0.5) + 100
        path = self.save(tmp_path, Image.new("1", (side, side)), compress_level=9)
        assert path.stat().st_size < 1_000_000
        with pytest.raises(ImageError, match="above the limit") as caught:
            open_image(path)
        one_line(caught)

    def test_folder_is_no_image(self, tmp_path):
        with pytest.raises(ImageError, match="no image file"):
            open_image(tmp_path)

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((8, 8), np.float32),
            np.zeros((8, 8, 2), np.uint8),
            np.zeros((0, 8), np.uint8),
            np.zeros((1, 3, 8, 8), np.float32),
            np.zeros((2, 1, 8, 8), np.float32),
            np.full((1, 1, 8, 8), np.nan, np.float32),
        ],
    )
    def test_arrays_that_do_not_fit(self, array):
        with pytest.raises(ImageError) as caught:
            onnxplain.load(MODEL).predict(array)
        one_line(caught)

    def test_something_else(self):
        with pytest.raises(ImageError, match="dict"):
            onnxplain.load(MODEL).predict({})


class TestWriting:
    def test_unwritable_folder(self, tmp_path):
        blocked = tmp_path / "file"
        blocked.write_text("in the way")
        found = onnxplain.load(MODEL).explain(DIGIT, "cam")
        with pytest.raises(OutputError, match="cannot write") as caught:
            found.save(blocked / "out.npz")
        one_line(caught)

    def test_nothing_half_written(self, tmp_path, monkeypatch):
        found = onnxplain.load(MODEL).explain(DIGIT, "cam")

        def break_off(file, array, **settings):
            file.write(b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr(np.lib.format, "write_array", break_off)
        with pytest.raises(KeyboardInterrupt):
            found.save(tmp_path / "out.npz")
        assert list(tmp_path.iterdir()) == []


def test_input_out_of_the_declared_range_is_said():
    found = onnxplain.load(MODEL).explain(np.full((1, 1, 8, 8), 200.0, np.float32), "cam")
    assert any("outside" in w for w in found.provenance["warnings"])


def test_models_are_checked_even_when_given_as_protobuf():
    with pytest.raises(ModelFileError):
        onnxplain.load(onnx.ModelProto())
