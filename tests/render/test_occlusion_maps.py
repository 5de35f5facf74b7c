"""Occlusion's own maps: what is on them, and that all of it can be read."""

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.render.canvas import Cells
from onnxplain.render.occlusion_maps import occlusion_maps
from onnxplain.targets.target import Target
from tests.made_explanations import made
from tests.readable import require_readable
from tests.render.pages import texts


def occlusion(**changes):
    winners = np.array([[1, 1, 0], [1, 7, 0]])
    maps = {"score": np.array([[0.7, 0.6, 0.1]] * 2), "difference": np.array([[0, 0.1, 0.6]] * 2)}
    parameters = {"window": [2, 2], "stride": [1, 1]}
    return made(
        np.eye(4), method="occlusion", maps=maps | {"predicted_class": winners},
        parameters=parameters, **changes,
    )  # fmt: skip


def test_occlusion_maps_show_values_and_a_legend():
    page = occlusion_maps(occlusion(), {7: "seven"})
    found = texts(page)
    for expected in ("logit while covered", "drop of the score"):
        assert expected in found
    assert {"0.1", "0.7", "class 0", "class 1", "seven (7)", "50 %", "33.3 %", "16.7 %"} <= set(
        found
    )
    painted = [item.values for item in page.items if isinstance(item, Cells)]
    np.testing.assert_allclose(painted[0], occlusion().maps["score"])
    np.testing.assert_allclose(painted[1], occlusion().maps["difference"])
    np.testing.assert_array_equal(painted[2], [[0, 0, 1], [0, 2, 1]])


def test_rare_winners_are_summed_up():
    maps = occlusion().maps | {"predicted_class": np.arange(20).reshape(4, 5)}
    explanation = made(np.eye(4), method="occlusion", maps=maps, parameters=occlusion().parameters)
    found = texts(occlusion_maps(explanation))
    assert "other classes" in found
    assert "65 %" in found


def test_a_method_without_windows_has_no_such_maps():
    with pytest.raises(UsageError, match="occlusion has"):
        occlusion_maps(made(np.eye(4)))


@pytest.mark.parametrize("name", ["cat", "W" * 90, "a name of a class " * 8, "$\\frac{1}$\nnew"])
def test_nothing_overlaps_or_is_cut_off(name):
    target = Target(1, "logit", "logits", "none", 3, 0, name)
    require_readable(occlusion_maps(occlusion(labels={0: name, 1: name}, target=target)))


def test_a_layer_is_named_and_computed_positions_are_counted():
    parameters = occlusion().parameters | {"response_of": "features/3"}
    explanation = made(
        np.eye(4), method="occlusion", parameters=parameters, measures={"computed": 0.25},
        maps={k: v for k, v in occlusion().maps.items() if k != "predicted_class"},
    )  # fmt: skip
    found = texts(occlusion_maps(explanation))
    assert {"layer features/3", "layer's response while covered"} <= set(found)
    assert "25 % computed" in " ".join(found)
    assert not any("predicted class while" in text for text in found)
