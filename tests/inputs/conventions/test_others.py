"""What stands inside or beside a model, against the code of the frameworks it comes from."""

import json

import numpy as np
import onnx
import pytest
from PIL import Image
from prepared import MEAN, SHAPES, STD, both, classifier, photo
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)

import onnxplain
from onnxplain.inputs.preprocess import preset

BILINEAR, BICUBIC = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC


def opened(folder, metadata=(), files=(), size=None, **options):
    proto = classifier(size)
    onnx.helper.set_model_props(proto, dict(metadata))
    onnx.save(proto, folder / "model.onnx")
    for name, content in dict(files).items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)
    return onnxplain.load(folder / "model.onnx", **options)


def torchvision(*steps, mean=(0, 0, 0), std=(1, 1, 1)):
    chain = Compose([*steps, ToTensor(), Normalize(mean, std)])
    return lambda image: chain(image)[None].numpy()


def values(image, size, resample=2, scale=1.0, mean=0.0, std=1.0, order=slice(None)):
    pixels = np.asarray(image.resize(size[::-1], resample), float)[..., order]
    return ((pixels * scale - np.array(mean)) / np.array(std)).transpose(2, 0, 1)[None]


def agree(model, transcribed, shapes=SHAPES):
    for shape in shapes:
        image = photo(*shape)
        expected = transcribed(image)
        found = model.preprocess.apply(image)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-5 * max(1, np.abs(expected).max()))


CFG = {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.9,
       "crop_mode": "center", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}  # fmt: skip
OWN = {"mean": CFG["mean"], "std": CFG["std"]}
TIMM = {
    "a hub folder": (
        {"files": {"config.json": {"architecture": "resnet18", "pretrained_cfg": CFG}}},
        torchvision(Resize(35, BICUBIC), CenterCrop(32), **OWN),
    ),
    "an older hub folder": (
        {"files": {"config.json": {"architecture": "x", **CFG, "interpolation": "bilinear"}}},
        torchvision(Resize(35, BILINEAR), CenterCrop(32), **OWN),
    ),
    "metadata as JSON": (
        {"metadata": {"pretrained_cfg": json.dumps(CFG | {"crop_pct": 1.0})}},
        torchvision(Resize(32, BICUBIC), CenterCrop(32), **OWN),
    ),
    "metadata as Python": (
        {"metadata": {"pretrained_cfg": str({**CFG, "input_size": (3, 32, 32), "x": None})}},
        torchvision(Resize(35, BICUBIC), CenterCrop(32), **OWN),
    ),
    "metadata, one key each": (
        {"metadata": {k: str(v) for k, v in CFG.items()}},
        torchvision(Resize(35, BICUBIC), CenterCrop(32), **OWN),
    ),
    "what is left out": (
        {"files": {"config.json": {"pretrained_cfg": {"input_size": [3, 32, 32]}}}},
        torchvision(Resize(36, BICUBIC), CenterCrop(32), mean=MEAN, std=STD),
    ),
    "squashed": (
        {"files": {"config.json": {"pretrained_cfg": CFG | {"crop_mode": "squash"}}}},
        torchvision(Resize((35, 35), BICUBIC), CenterCrop(32), **OWN),
    ),
    "squashed whole": (
        {"files": {"config.json": {
            "pretrained_cfg": CFG | {"crop_mode": "squash", "crop_pct": 1}}}},
        torchvision(Resize((32, 32), BICUBIC), **OWN),
    ),
    "a model of the transformers wrapper": (
        {"files": {
            "config.json": {"architectures": ["TimmWrapperForImageClassification"],
                            "pretrained_cfg": CFG, "label_names": ["a"]},
            "preprocessor_config.json": {"image_processor_type": "TimmWrapperImageProcessor"}}},
        torchvision(Resize(35, BICUBIC), CenterCrop(32), **OWN),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TIMM)
def test_timm(kind, tmp_path):
    given, transcribed = TIMM[kind]
    model = opened(tmp_path, **given)
    agree(model, transcribed)
    assert "timm" in model.sources["preprocess"]
    assert not [text for text in model.warnings if "preprocess" in text]


def test_timm_fills_the_border_with_the_mean(tmp_path):
    config = {"pretrained_cfg": CFG | {"crop_mode": "border", "crop_pct": 1.0}}
    model = opened(tmp_path, files={"config.json": config})
    seen = model.preprocess.seen(photo(64, 32))
    assert (seen[0] == np.round(255 * np.array(CFG["mean"]))).all()
    inner = np.asarray(photo(64, 32).resize((32, 16), 3))
    np.testing.assert_array_equal(seen[8:24], inner)


def test_a_config_of_transformers_says_nothing_of_pictures(tmp_path):
    config = {"architectures": ["ViTForImageClassification"], "image_size": 32}
    model = opened(tmp_path, files={"config.json": config}, size=(32, 32))
    assert model.sources["preprocess"].startswith("a guess")


YOLO = {"author": "Ultralytics", "task": "classify", "stride": "1", "batch": "1",
        "names": str({k: f"c{k}" for k in range(4)})}  # fmt: skip


@pytest.mark.parametrize("imgsz", ["[32, 32]", "32", "(32, 32)"])
def test_ultralytics_classifiers_have_no_means(imgsz, tmp_path):
    model = opened(tmp_path, YOLO | {"imgsz": imgsz})
    agree(model, torchvision(Resize(32, BILINEAR), CenterCrop(32)))
    assert "Ultralytics" in model.sources["preprocess"]
    assert "Ultralytics" in model.sources["input"]  # the size comes from there
    assert not [text for text in model.warnings if "preprocess" in text or "height" in text]


def test_ultralytics_oblong(tmp_path):
    model = opened(tmp_path, YOLO | {"imgsz": "[24, 40]"})
    agree(model, torchvision(Resize((24, 40), BILINEAR)))


def test_ultralytics_sees_the_whole_picture_in_other_tasks(tmp_path):
    model = opened(tmp_path, YOLO | {"task": "segment", "imgsz": "[32, 32]"}, task="values")
    for width, height in [(64, 32), (64, 29), (37, 64)]:
        image = photo(width, height)
        ratio = 32 / max(width, height)
        inner = (round(width * ratio), round(height * ratio))
        left, top = (round((32 - side) / 2 - 0.1) for side in inner)
        expected = np.full((32, 32, 3), 114, np.uint8)
        expected[top : top + inner[1], left : left + inner[0]] = np.asarray(image.resize(inner, 2))
        np.testing.assert_array_equal(model.preprocess.seen(image), expected)
    assert model.preprocess.bounds()[1].max() == 1


def test_a_task_of_somebody_else(tmp_path):
    model = opened(tmp_path, {"task": "classify"}, size=(32, 32))
    assert model.sources["preprocess"].startswith("a guess")


BGR = [2, 1, 0]
RANGES = [
    ("NominalRange_0_255", {}),
    ("Nominal_0_255", {}),
    ("Normalized_0_1", {"scale": 1 / 255}),
    ("Normalized_1_1", {"mean": 127.5, "std": 127.5}),
    ("NominalRange_16_235", {"scale": 219 / 255, "mean": -16}),
    ("Nominal_16_235", {"scale": 219 / 255, "mean": -16}),
]


@pytest.mark.parametrize(("span", "expected"), RANGES)
@pytest.mark.parametrize(("colours", "order"), [("Bgr8", BGR), ("Rgb8", slice(None))])
def test_image_metadata(span, expected, colours, order, tmp_path):
    said = {"Image.BitmapPixelFormat": colours, "Image.NominalPixelRange": span}
    model = opened(tmp_path, said | {"Image.ColorSpaceGamma": "SRGB"}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=order, **expected), [(64, 64), (50, 50)])
    assert "ONNX image metadata" in model.sources["preprocess"]
    assert not [text for text in model.warnings if "preprocess" in text]


def test_image_metadata_of_the_input_itself(tmp_path):
    proto = classifier((32, 32))
    proto.graph.input[0].type.denotation = "IMAGE"
    for key, value in (
        ("Image.BitmapPixelFormat", "Bgr8"),
        ("Image.NominalPixelRange", "Normalized_0_1"),
    ):
        entry = proto.graph.input[0].metadata_props.add()
        entry.key, entry.value = key, value
    model = onnxplain.load(proto)
    assert model.preprocess.color == "BGR"
    assert model.preprocess.bounds()[1].max() == 1
    del proto.graph.input[0].metadata_props[:]
    proto.graph.input[0].type.denotation = "IMAGE Bgr8 NominalRange_0_255"
    model = onnxplain.load(proto)
    assert model.preprocess.color == "BGR"
    assert model.preprocess.bounds()[1].max() == 255


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ({"Image.BitmapPixelFormat": "Bgr8"}, "0..1 is possible"),
        ({"Image.NominalPixelRange": "Normalized_0_1"}, "RGB is taken"),
        ({"Image.BitmapPixelFormat": "Rgb8", "Image.NominalPixelRange": "Normalized_0_1",
          "Image.ColorSpaceGamma": "Linear"}, "gamma"),
        ({"Image.BitmapPixelFormat": "Nv12", "Image.NominalPixelRange": "Normalized_0_1"}, "Nv12"),
        ({"Image.NominalPixelRange": "NominalRange_7_9"}, "7_9"),
    ],
)  # fmt: skip
def test_what_image_metadata_leave_open_is_said(said, asked, tmp_path):
    model = opened(tmp_path, said, size=(32, 32))
    assert any(asked in text for text in model.warnings)


INFO = {"mean_values": "123.675 116.28 103.53", "scale_values": "58.395 57.12 57.375",
        "reverse_input_channels": "True", "resize_type": "standard", "model_type": "Classification",
        "labels": "a b c d"}  # fmt: skip
PIXEL = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


@pytest.mark.parametrize("separator", [" ", "/", "."])
@pytest.mark.parametrize("text", ["{} {} {}", "[{}, {}, {}]", "{},{},{}"])
def test_openvino(separator, text, tmp_path):
    info = INFO | {k: text.format(*INFO[k].split()) for k in ("mean_values", "scale_values")}
    said = {f"model_info{separator}{k}": v for k, v in info.items()}
    model = opened(tmp_path, said, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), **PIXEL))
    assert "OpenVINO" in model.sources["preprocess"]
    assert not [text for text in model.warnings if "preprocess" in text]


def test_openvino_gets_pictures_of_opencv_unless_they_are_turned(tmp_path):
    said = {f"model_info {k}": v for k, v in INFO.items() if k == "resize_type"}
    model = opened(tmp_path, said | {"model_info reverse_input_channels": "NO"}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=BGR))
    assert any("BGR is taken" in text for text in model.warnings)


@pytest.mark.parametrize(("kind", "top"), [("fit_to_window", 0), ("fit_to_window_letterbox", 8)])
def test_openvino_letterboxes(kind, top, tmp_path):
    said = {f"model_info {k}": v for k, v in INFO.items()}
    said |= {"model_info resize_type": kind, "model_info pad_value": "99"}
    seen = opened(tmp_path, said, size=(32, 32)).preprocess.seen(photo(64, 32))
    inner = np.asarray(photo(64, 32).resize((32, 16), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(seen[top : top + 16], inner)
    assert (np.delete(seen, slice(top, top + 16), 0) == 99).all()


def test_azure_custom_vision(tmp_path):
    manifest = {"DomainType": "Classification", "Platform": "ONNX", "ExporterVersion": "1.0"}
    files = {"cvexport.manifest": manifest, "labels.txt": "a\nb\nc\nd"}
    model = opened(tmp_path, files=files, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), order=BGR), [(64, 64)])
    assert "cvexport.manifest" in model.sources["preprocess"]
    assert any("BGR" in text for text in model.warnings)


def test_azure_properties(tmp_path):
    said = {"CustomVision.Preprocess.NormalizeMean": "[123.0, 117.0, 104.0]",
            "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
            "CustomVision.Preprocess.ResizeMethod": "Stretch"}  # fmt: skip
    model = opened(tmp_path, files={"metadata_properties.json": said}, size=(32, 32))
    agree(model, lambda im: values(im, (32, 32), mean=[123, 117, 104]))


@pytest.mark.parametrize(
    ("mode", "name"), [("tf", "keras-tf"), ("caffe", "keras-caffe"), ("torch", "keras-torch")]
)
def test_keras_modes(mode, name, tmp_path):
    model = opened(tmp_path, {"preprocess_mode": mode}, size=(32, 32))
    image = photo(60, 40)
    expected = preset(name, "NCHW", (32, 32)).apply(image)
    np.testing.assert_array_equal(model.preprocess.apply(image), expected)
    assert "Keras" in model.sources["preprocess"]


def test_keras_hub(tmp_path):
    converter = {"class_name": "ResNetImageConverter", "config": {
        "image_size": [32, 32], "scale": [0.0171, 0.0175, 0.0174], "offset": [-2.1, -2.0, -1.8],
        "interpolation": "bilinear", "crop_to_aspect_ratio": False}}  # fmt: skip
    whole = {"class_name": "ResNetImageClassifierPreprocessor",
             "config": {"image_converter": converter}}  # fmt: skip
    for name, data in (("preprocessor.json", whole), ("image_converter.json", converter)):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        model = opened(folder, files={name: data})
        agree(
            model,
            lambda im: (
                values(im, (32, 32)) * np.reshape([0.0171, 0.0175, 0.0174], (3, 1, 1))
                + np.reshape([-2.1, -2.0, -1.8], (3, 1, 1))
            ),
        )
        assert "KerasHub" in model.sources["preprocess"]


def test_of_two_that_contradict_each_other_the_one_inside_is_taken_and_said(tmp_path):
    config = both(
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    )
    model = opened(tmp_path, YOLO | {"imgsz": "32"}, {"preprocessor_config.json": config})
    assert "Ultralytics" in model.sources["preprocess"]
    assert model.preprocess.bounds()[0].min() == 0
    (text,) = [t for t in model.warnings if "contradict" in t]
    assert "preprocessor_config.json" in text
    assert "the first one is taken" in text


def test_of_two_that_agree_nothing_is_said(tmp_path):
    config = both({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 35},
                   "do_center_crop": True, "crop_size": 32, "resample": 3})  # fmt: skip
    cfg = {"pretrained_cfg": CFG | {"mean": MEAN, "std": STD}}
    files = {"preprocessor_config.json": config, "config.json": cfg}
    model = opened(tmp_path, files=files)
    assert not [t for t in model.warnings if "values" in t or "RGB" in t]


def test_a_contradiction_of_the_graph_is_said(tmp_path):
    """What a file says counts, but the pixels would be scaled twice."""
    import graphs
    from onnx.helper import make_node as node

    nodes, constants = [node("Div", ["image", "k"], ["ready"])], {"k": np.float32(255)}
    onnx.save(graphs.classifier(before=nodes, constants=constants), tmp_path / "m.onnx")
    config = both({"image_processor_type": "ViTImageProcessor", "size": 12})
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    model = onnxplain.load(tmp_path / "m.onnx")
    assert model.preprocess.name == "hugging-face"
    assert any("normalises its input itself" in text for text in model.warnings)


@pytest.mark.parametrize(
    "metadata",
    [
        {"pretrained_cfg": "(" * 5000},
        {"mean": "[1, 2, 3]", "std": "[0, 0, 0]", "input_size": "[3, 32, 32]"},
        YOLO | {"imgsz": "[32, 'x']"},
        YOLO | {"imgsz": "[-5, 0]"},
        YOLO | {"imgsz": "[1, 2, 3, 4]"},
        {"model_info resize_type": "sideways"},
        {"model_info mean_values": "nan nan nan"},
        {"model_info scale_values": "0 0 0"},
        {"model_info mean_values": "1 2", "model_info resize_type": "standard"},
        {"Image.NominalPixelRange": "\x00"},
    ],
)
def test_damaged_metadata_are_said_and_ignored(metadata, tmp_path):
    model = opened(tmp_path, metadata, size=(32, 32))
    assert model.sources["preprocess"].startswith("a guess")
    assert all("\n" not in text for text in model.warnings)
    if "pretrained_cfg" not in metadata:
        assert any("ignored" in text for text in model.warnings)
