"""Parameters from text, refusals, and the cards in the registry."""

import numpy as np
import pytest
from handmade import context_of, model, target_of
from originals import pair

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.methods import find, registered
from onnxplain.methods.parameters import check_parameters
from onnxplain.methods.registry import method

OCCLUSION, LRP, CAM, PATH = (find(n) for n in ("occlusion", "lrp", "cam", "integrated-gradients"))


@pytest.mark.parametrize(
    ("chosen", "name", "given", "expected"),
    [
        (OCCLUSION, "window", "16x24", (16, 24)),
        (OCCLUSION, "window", "(16, 24)", (16, 24)),
        (OCCLUSION, "window", [16, 24], (16, 24)),
        (OCCLUSION, "window", "16", 16),
        (OCCLUSION, "window", None, None),
        (OCCLUSION, "fill_with", 0.5, "0.5"),
        (LRP, "epsilon", "1e-3", 1e-3),
        (LRP, "epsilon", 1, 1.0),
        (PATH, "steps", "+20", 20),
        (CAM, "layer", "features.8", "features.8"),
    ],
)
def test_values_are_converted_to_what_the_signature_names(chosen, name, given, expected):
    found = check_parameters(chosen, {name: given})
    assert found[name] == expected
    assert type(found[name]) is type(expected)
    defaults = {k: p.default for k, p in chosen.parameters.items() if k != name}
    assert found == {**defaults, name: expected}


@pytest.mark.parametrize(
    ("chosen", "name", "given", "message"),
    [
        (OCCLUSION, "window", "big", "window of occlusion is 'big'.*pair such as 16x24"),
        (OCCLUSION, "window", "16x", "window of occlusion"),
        (PATH, "steps", "2.5", "steps of integrated-gradients is '2.5'.*whole number"),
        (PATH, "steps", None, "steps of integrated-gradients"),
        (LRP, "epsilon", "tiny", "epsilon of lrp is 'tiny'.*a number"),
    ],
)
def test_values_that_cannot_be_converted(chosen, name, given, message):
    with pytest.raises(UsageError, match=message):
        check_parameters(chosen, {name: given})


def test_an_unknown_parameter_offers_the_nearest():
    with pytest.raises(UnknownNameError, match=r"nearest: 'stride'.*parameters: window"):
        check_parameters(OCCLUSION, {"strid": 3})


def test_an_unknown_method_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="'grad-cam'"):
        find("grad-cm")
    assert find(" Grad_CAM ").name == "grad-cam"


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'lrp' is registered already"):
        method(name="lrp")(lambda: None)


@pytest.mark.parametrize("name", list(registered()))
def test_every_card_is_complete(name):
    card = registered()[name]
    assert card.name == name == name.lower().replace("_", "-")
    for text in (card.summary, card.reference, card.meaning, card.failures):
        assert text
    assert card.summary.endswith(".")
    assert card.explains in ("logit", "probability")
    assert card.display in ("signed", "positive", "magnitude")
    assert Capability.FORWARD in card.needs or card.takes_slopes
    assert "Parameters" in card.function.__doc__
    assert "Returns" in card.function.__doc__
    assert card.takes_layer == ("layer" in card.parameters)


REFUSED = [
    ("integrated-gradients", {"steps": 0}, UsageError, "steps 0"),
    ("integrated-gradients", {"steps": 500}, UsageError, "max_steps 400"),
    ("integrated-gradients", {"baseline": "blak"}, UnknownNameError, "nearest: 'black'"),
    ("occlusion", {"window": 33}, UsageError, r"window \(33, 33\).*1 to 32"),
    ("occlusion", {"window": 0}, UsageError, r"window \(0, 0\)"),
    ("occlusion", {"window": 4, "stride": 5}, UsageError, r"stride \(5, 5\).*1 to 4 high"),
    ("occlusion", {"fill_with": "grey"}, UnknownNameError, "black, white, mean, blur, noise"),
    ("lrp", {"composite": "epsilon_plus"}, UnknownNameError, "epsilon-plus"),
    ("lrp", {"kind": "probability"}, UsageError, "logits"),
    ("cam", {}, MethodRefusedError, "global average pooling"),
    ("cam", {"kind": "probability"}, MethodRefusedError, "cam explains logits.*grad-cam"),
    ("grad-cam", {"layer": "no-such-layer"}, UnknownNameError, "no-such-layer"),
    ("grad-cam", {"layer": "scores"}, MethodRefusedError, "no height and width"),
]


@pytest.mark.parametrize(("name", "options", "error", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(name, options, error, message):
    made = pair("vgg")
    with pytest.raises(error, match=message):
        made.single.explain(made.x, name, 1, **options)


@pytest.mark.parametrize("name", ["cam", "grad-cam"])
def test_a_network_without_places_is_refused(name):
    made = pair("mlp")
    with pytest.raises(MethodRefusedError, match="occlusion or integrated-gradients"):
        made.single.explain(made.x, name, 1)


def test_grad_cam_refuses_a_layer_that_the_score_does_not_depend_on():
    body = """
        a = Relu(image) z = Mul(a, zero) p = GlobalAveragePool(z) scores = Flatten(p)
    """
    on = context_of(model(body, zero=np.zeros(1)))
    x = np.ones((1, 3, 6, 6))
    with pytest.raises(MethodRefusedError, match="gradient is zero at every place of a"):
        find("grad-cam").function(on, x, target_of(on, 1), layer="a")


def test_grad_cam_steps_back_to_where_places_still_matter():
    """Behind the last attention only the class token counts: the layer in front is taken."""
    made = pair("vit")
    found = made.double.explain(made.x, "grad-cam", 1)
    tried = [layer.name for layer in made.double.network.layers[:3]]
    assert found.layer in tried
    assert found.attribution.shape == (4, 4)
    assert found.attribution.any()
