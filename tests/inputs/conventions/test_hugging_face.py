"""``preprocessor_config.json`` against a transcription of Hugging Face's image processors."""

import json
import math

import numpy as np
import onnx
import pytest
from prepared import HALF, MEAN, SHAPES, STD, both, classifier, photo

import onnxplain
from onnxplain.errors import UsageError
from onnxplain.inputs.conventions.hugging_face import read


def opened(folder, config, size=(32, 32), name="preprocessor_config.json", layout="NCHW"):
    onnx.save(classifier(size, layout), folder / "model.onnx")
    (folder / name).write_text(json.dumps(config))
    return onnxplain.load(folder / "model.onnx")


def shorter_to(image, edge, resample):
    """transformers' get_resize_output_image_size with default_to_square=False."""
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    new_short, new_long = edge, int(edge * long / short)
    size = (new_short, new_long) if width <= height else (new_long, new_short)
    return image.resize(size, resample)


def centre(pixels, rows, columns):
    """transformers' center_crop, zeros around what is too small."""
    height, width = pixels.shape[:2]
    top, left = (height - rows) // 2, (width - columns) // 2
    if top >= 0 and left >= 0:
        return pixels[top : top + rows, left : left + columns]
    high, wide = max(rows, height), max(columns, width)
    made = np.zeros((high, wide, 3), pixels.dtype)
    upper, first = math.ceil((high - height) / 2), math.ceil((wide - width) / 2)
    made[upper : upper + height, first : first + width] = pixels
    top, left = max(0, top + upper), max(0, left + first)
    return made[top : top + rows, left : left + columns]


def finish(pixels, scale=1 / 255, mean=(0, 0, 0), std=(1, 1, 1)):
    values = (pixels.astype(np.float64) * scale - np.array(mean)) / np.array(std)
    return values.transpose(2, 0, 1)[None]


def stretched(image, rows, columns, resample):
    return np.asarray(image.resize((columns, rows), resample))


KINDS = {
    "ViT": (
        both({"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32},
              "resample": 2}, image_mean=HALF, image_std=HALF),
        lambda im: finish(stretched(im, 32, 32, 2), mean=HALF, std=HALF),
    ),
    "ViT, oblong": (
        both({"image_processor_type": "ViTImageProcessorFast", "size": {"height": 24, "width": 40},
              "resample": 3}),
        lambda im: finish(stretched(im, 24, 40, 3), mean=MEAN, std=STD),
    ),
    "an older ViT": (
        {"do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor",
         "image_mean": HALF, "image_std": HALF, "resample": 2, "size": 32},
        lambda im: finish(stretched(im, 32, 32, 2), mean=HALF, std=HALF),
    ),
    "CLIP": (
        both({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40},
              "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 3}),
        lambda im: finish(centre(np.asarray(shorter_to(im, 40, 3)), 32, 32), mean=MEAN, std=STD),
    ),
    "an older CLIP": (
        {"crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True,
         "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": MEAN, "image_std": STD,
         "resample": 3, "size": 32},
        lambda im: finish(centre(np.asarray(shorter_to(im, 32, 3)), 32, 32), mean=MEAN, std=STD),
    ),
    "DeiT": (
        both({"image_processor_type": "DeiTImageProcessor", "size": {"height": 40, "width": 40},
              "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 3}),
        lambda im: finish(centre(stretched(im, 40, 40, 3), 32, 32), mean=MEAN, std=STD),
    ),
    "an older DeiT": (
        {"crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True,
         "feature_extractor_type": "DeiTFeatureExtractor", "image_mean": MEAN, "image_std": STD,
         "resample": 3, "size": 41},
        lambda im: finish(centre(stretched(im, 41, 41, 3), 32, 32), mean=MEAN, std=STD),
    ),
    "ConvNeXT": (
        both({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32},
              "crop_pct": 0.875, "resample": 3}),
        lambda im: finish(centre(np.asarray(shorter_to(im, int(32 / 0.875), 3)), 32, 32),
                          mean=MEAN, std=STD),
    ),
    "ConvNeXT, crop_pct left out": (
        both({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32},
              "crop_pct": None, "resample": 3}),
        lambda im: finish(centre(np.asarray(shorter_to(im, int(32 / 0.875), 3)), 32, 32),
                          mean=MEAN, std=STD),
    ),
    "ConvNeXT, large": (
        both({"image_processor_type": "ConvNextFeatureExtractor", "size": 384, "resample": 3}),
        lambda im: finish(stretched(im, 384, 384, 3), mean=MEAN, std=STD),
    ),
    "MobileNet": (
        both({"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 37},
              "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 2},
             image_mean=HALF, image_std=HALF),
        lambda im: finish(centre(np.asarray(shorter_to(im, 37, 2)), 32, 32), mean=HALF, std=HALF),
    ),
    "MobileViT": (
        {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 36},
         "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 2,
         "do_rescale": True, "rescale_factor": 1 / 255, "do_flip_channel_order": True,
         "do_resize": True},
        lambda im: finish(centre(np.asarray(shorter_to(im, 36, 2)), 32, 32)[..., ::-1]),
    ),
    "MobileViT, filled up": (
        {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 24},
         "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 2},
        lambda im: finish(centre(np.asarray(shorter_to(im, 24, 2)), 32, 32)[..., ::-1]),
    ),
    "Segformer": (
        both({"image_processor_type": "SegformerImageProcessor", "do_reduce_labels": True,
              "size": {"height": 48, "width": 48}, "resample": 2}),
        lambda im: finish(stretched(im, 48, 48, 2), mean=MEAN, std=STD),
    ),
    "LeViT": (
        both({"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 32},
              "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "resample": 3}),
        lambda im: finish(centre(np.asarray(shorter_to(im, int(256 / 224 * 32), 3)), 32, 32),
                          mean=MEAN, std=STD),
    ),
    "PoolFormer": (
        both({"image_processor_type": "PoolFormerImageProcessor", "size": {"shortest_edge": 32},
              "do_center_crop": True, "crop_size": {"height": 32, "width": 32}, "crop_pct": 0.9,
              "resample": 3}),
        lambda im: finish(centre(np.asarray(shorter_to(im, int(32 / 0.9), 3)), 32, 32),
                          mean=MEAN, std=STD),
    ),
    "EfficientNet": (
        both({"image_processor_type": "EfficientNetImageProcessor", "resample": 0,
              "size": {"height": 36, "width": 36}, "do_center_crop": False, "include_top": True,
              "rescale_offset": False}),
        lambda im: finish(stretched(im, 36, 36, 0), mean=MEAN, std=STD)
        / np.reshape(STD, (3, 1, 1)),
    ),
    "EfficientNet, around zero": (
        both({"image_processor_type": "EfficientNetImageProcessor", "resample": 0,
              "size": {"height": 36, "width": 36}, "rescale_factor": 1 / 127.5,
              "rescale_offset": True, "do_normalize": False}),
        lambda im: finish(stretched(im, 36, 36, 0), scale=1 / 127.5, mean=[1, 1, 1]),
    ),
    "pixels as they are": (
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32},
         "do_rescale": False, "do_normalize": False, "resample": 0},
        lambda im: finish(stretched(im, 32, 32, 0), scale=1.0),
    ),
    "a class nobody knows": (
        both({"image_processor_type": "NewestImageProcessor", "size": {"shortest_edge": 40},
              "do_center_crop": True, "crop_size": 32, "resample": 1}),
        lambda im: finish(centre(np.asarray(shorter_to(im, 40, 1)), 32, 32), mean=MEAN, std=STD),
    ),
    "within a processor": (
        {"processor_class": "SomeProcessor", "image_processor": both(
            {"image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32},
             "resample": 3}, image_mean=HALF, image_std=HALF)},
        lambda im: finish(stretched(im, 32, 32, 3), mean=HALF, std=HALF),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_prepared_as_hugging_face_does(kind, tmp_path):
    config, transcribed = KINDS[kind]
    model = opened(tmp_path, config, size=None)
    assert model.sources["preprocess"].startswith("preprocessor_config.json (Hugging Face")
    assert not any("guess" in text or "height and width" in text for text in model.warnings)
    for shape in SHAPES:
        image = photo(*shape)
        expected = transcribed(image)
        found = model.preprocess.apply(image)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_another_file_would_be_noticed(tmp_path):
    """The comparison above can fail: by a filter, a rounding or a mean."""
    config, _ = KINDS["CLIP"]
    model = opened(tmp_path, config, size=None)
    image = photo(301, 200)
    for other in (
        finish(centre(np.asarray(shorter_to(image, 40, 2)), 32, 32), mean=MEAN, std=STD),
        finish(centre(np.asarray(shorter_to(image, 40, 3)), 32, 32), mean=HALF, std=HALF),
        finish(np.asarray(shorter_to(image, 40, 3))[4:36, 15:47], mean=MEAN, std=STD),
    ):
        assert np.abs(model.preprocess.apply(image) - other).max() > 0.05


def test_a_fixed_input_of_another_size_is_said(tmp_path):
    model = opened(tmp_path, KINDS["CLIP"][0], size=(48, 48))
    assert model.preprocess.size == (48, 48)
    assert model.preprocess.resize_to == 60
    (text,) = model.warnings
    assert "32 x 32" in text
    assert "48 x 48" in text


def test_what_is_already_scaled_is_asked(tmp_path):
    config = both({"image_processor_type": "ViTImageProcessor", "size": 32}, do_rescale=False)
    model = opened(tmp_path, config)
    assert any("does not rescale" in text for text in model.warnings)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"do_resize": true, "size": "large", "image_mean": [0.5, 0.5, 0.5]}', "large"),
        ('{"do_resize": true, "size": {"depth": 3}}', "size"),
        ('{"do_normalize": true, "image_mean": [0.5], "image_std": [0]}', "image_std"),
        ('{"do_normalize": true, "resample": 77}', "filter"),
        ('{"do_normalize": true, "image_mean": [1e999, 0, 0]}', "number"),
        ('{"do_normalize": true, "image_mean": "x", "image_std": [1]}', "could not"),
        ('{"do_rescale": "perhaps", "do_resize": true}', "neither true nor false"),
        ('{"do_resize": true, "size": 1e12}', "numbers"),
        ('{"do_normalize": true, "image_mean": [0.1, 0.2], "image_std": [1, 1]}', "2 values"),
        (f'{{"do_normalize": true, "image_mean": [{10**400}], "image_std": [1]}}', "[100"),
        (
            '{"image_processor_type": "ConvNextImageProcessor", "size": 32, "crop_pct": 0}',
            "crop_pct is 0",
        ),
        (
            '{"image_processor_type": "ConvNextImageProcessor", "size": 32, "crop_pct": 1e-9}',
            "numbers",
        ),
        ("\x00", "contains a NUL"),
        ("[" * 100000, "not valid JSON"),
    ],
)
def test_a_bad_file_is_said_and_ignored_unless_it_was_named(content, said, tmp_path):
    onnx.save(classifier(), tmp_path / "model.onnx")
    bad = tmp_path / "preprocessor_config.json"
    bad.write_text(content)
    model = onnxplain.load(tmp_path / "model.onnx")
    assert model.sources["preprocess"].startswith("a guess")
    (text,) = [t for t in model.warnings if "preprocessor_config.json" in t]
    assert "ignored" in text
    assert said in text
    assert "\n" not in text
    with pytest.raises(UsageError) as caught:
        onnxplain.load(tmp_path / "model.onnx", preprocess=bad)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "config",
    [
        {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000,
         "do_normalize": True},
        {"image_processor_type": "TimmWrapperImageProcessor"},
        {"vocab_size": 7},
    ],
)  # fmt: skip
def test_what_is_about_something_else_is_passed_over(config, tmp_path):
    model = opened(tmp_path, config)
    assert model.sources["preprocess"].startswith("a guess")
    assert not any("preprocessor_config" in text for text in model.warnings)


def test_a_file_that_is_named(tmp_path):
    onnx.save(classifier(), tmp_path / "model.onnx")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "p.json").write_text(json.dumps(KINDS["ViT"][0]))
    assert onnxplain.load(tmp_path / "model.onnx").sources["preprocess"].startswith("a guess")
    model = onnxplain.load(tmp_path / "model.onnx", preprocess=elsewhere / "p.json")
    image = photo(70, 50)
    np.testing.assert_allclose(model.preprocess.apply(image), KINDS["ViT"][1](image), atol=1e-5)
    assert model.warnings == []


def test_our_own_file_comes_first(tmp_path):
    own = onnxplain.Preprocess("own", "NCHW", (32, 32), scale=0.25)
    own.save(tmp_path / "model.preprocess.json")
    model = opened(tmp_path, KINDS["ViT"][0])
    assert model.preprocess == own
    assert model.warnings == []


def test_channels_last(tmp_path):
    model = opened(tmp_path, KINDS["ViT"][0], layout="NHWC")
    image = photo(70, 50)
    expected = KINDS["ViT"][1](image).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(model.preprocess.apply(image), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"image_processor_type": "DetrImageProcessor",
             "size": {"shortest_edge": 32, "longest_edge": 64}},
            "onnxplain crops the middle",
        ),
        (
            {"image_processor_type": "CLIPImageProcessor", "do_center_crop": False,
             "size": {"shortest_edge": 32}},
            "onnxplain crops the middle",
        ),
        (
            {"image_processor_type": "Owlv2ImageProcessor", "do_pad": True,
             "size": {"height": 32, "width": 32}},
            "onnxplain stretches it",
        ),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_kept_is_said(config, said):
    (doubt,) = read(config, "preprocessor_config.json").doubts
    assert said in doubt
