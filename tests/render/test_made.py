"""Pictures that the network made: their contrast is stretched, their target named."""

from dataclasses import replace

import numpy as np

from onnxplain.features.class_model import ClassModel
from onnxplain.features.maco import Made
from onnxplain.features.raised import Channel
from onnxplain.render.made import draw_class_models, draw_maco, faded, picture_of
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
    assert "smoothness and range" in words(figure)
    free = replace(made, record={"settings": {"bounded": False}})
    assert "beyond what a photo can hold" in words(draw_class_models([free], "m", []))
    assert picture_of(pixels[..., :1]).mode == "RGB"


def test_pictures_of_natural_magnitudes_are_faded_where_nothing_matters():
    weight = np.zeros((40, 40))
    weight[10:30, 10:30] = 1.0
    shown = faded(np.zeros((40, 40, 3), np.uint8), weight)
    assert (shown[20, 20] == 0).all()
    assert (shown[1, 1] > 150).all()
    made = Made(
        Channel("relu", 7), np.zeros((2, 40, 40, 3), np.uint8), np.stack([weight, weight]),
        [2.5, 3.0], [], {"settings": {"spectrum": "natural, 1/f"}},
    )  # fmt: skip
    page = draw_maco([made, made], "m")
    assert len(images(page)) == 4
    assert "channel 7 of relu: 2.5" in words(page)
