"""timm's settings, against torchvision's code."""

import json

import numpy as np
import pytest
from prepared import MEAN, STD, photo
from torchvision.transforms import (
    CenterCrop,
    Resize,
)

from tests.inputs.conventions.declared import (
    BICUBIC,
    BILINEAR,
    CFG,
    agree,
    opened,
    torchvision,
)

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
