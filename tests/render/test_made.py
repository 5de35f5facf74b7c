"""Pictures that the network made: their contrast is stretched, their target named."""

import numpy as np

from onnxplain.features.class_model import ClassModel
from onnxplain.render.made import draw_class_models, picture_of
from onnxplain.targets.classes import ClassScore
from tests.render.pages import images, words


def test_class_models_are_stretched():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    pixels[0, 0] = 110
    made = ClassModel(
        1, ClassScore(1, "logit", "y", "none", 2), np.zeros(1), pixels, [], 3.0, 0.5,
        "probability", {},
    )  # fmt: skip
    figure = draw_class_models([made, made], "m", ["a", "b"])
    assert np.ptp(images(figure)[0]) > 100
    assert "b: logit 3" in words(figure)
    assert picture_of(pixels[..., :1]).mode == "RGB"
