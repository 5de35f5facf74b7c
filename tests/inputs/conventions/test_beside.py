"""Files of other tools beside a model, one or several of them."""

import json

import numpy as np
import onnx
from prepared import MEAN, STD, both

import onnxplain
from tests.inputs.conventions.declared import (
    CFG,
    YOLO,
    opened,
)


def test_of_two_that_contradict_each_other_the_one_inside_is_taken_and_said(tmp_path):
    config = both(
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    )
    model = opened(tmp_path, YOLO | {"imgsz": "32"}, {"preprocessor_config.json": config})
    assert "Ultralytics" in model.sources["preprocess"]
    assert model.preprocess.bounds()[0].min() == 0
    (text,) = [t for t in model.warnings if "contradict" in t]
    assert "preprocessor_config.json" in text
    assert "the first one is used" in text


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
