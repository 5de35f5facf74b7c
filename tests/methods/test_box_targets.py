"""Methods for boxes alone refuse everything else in one line."""

import pytest
from boxes_of_source import EXAMPLE, aim, model
from scenes_source import ROOT

import onnxplain
from onnxplain.errors import MethodRefusedError
from onnxplain.methods import find
from onnxplain.methods.box_targets import as_box, require_boxes
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from tests.applicable import NEED_BOXES


@pytest.mark.parametrize("method", sorted(NEED_BOXES))
def test_a_model_without_boxes_says_so_before_a_picture_is_seen(method):
    network = onnxplain.load(ROOT / "models/digits-gap.onnx", device="cpu").network
    with pytest.raises(MethodRefusedError, match="the model has none: use") as refusal:
        find(method).requires(network)
    assert "\n" not in str(refusal.value)
    find(method).requires(model().network)


@pytest.mark.parametrize("method", sorted(NEED_BOXES))
def test_an_element_of_a_tensor_is_no_box(method):
    with pytest.raises(MethodRefusedError, match="and the target is") as refusal:
        model().explain(EXAMPLE, method, "output0[4, 7]")
    assert "\n" not in str(refusal.value)


def test_a_box_is_taken_in_the_form_that_is_asked_for():
    assert as_box("a", "b", aim("1"), BoxNumber) is aim("1")
    with pytest.raises(MethodRefusedError, match=r"a explains boxes.*: use b"):
        as_box("a", "b", aim("1"), BoxMatch)
    assert require_boxes("a", "b")(model().network) is None


def test_what_compares_classes_of_one_tensor_is_for_no_box():
    with pytest.raises(MethodRefusedError, match="answers boxes; use grad-cam"):
        find("clear").requires(model().network)
