"""Relevance inside of the network: at tensors, by channel, through channels; and its seeds."""

import numpy as np
import pytest
from originals import difference, pair

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.methods.channels import top_channels

TARGET = 3
# Each network with a tensor that all of its relevance passes.
GATES = {"vgg": "MaxPool", "resnet": "GlobalAveragePool", "vit": "LayerNormalization"}


def gate(name):
    """Input of the last pooling, or of the last normalisation."""
    nodes = pair(name).double.network.graph.nodes
    return [n for n in nodes if n.op_type == GATES[name]][-1].inputs[0]


def explain(name, method="lrp", **parameters):
    made = pair(name)
    return made.double.explain(made.x, method, TARGET, **{"kind": "logit", **parameters})


@pytest.mark.parametrize("name", list(GATES))
def test_channels_add_up_to_the_relevance_of_the_tensor(name):
    found = explain(name, at=gate(name))
    at, channels = found.maps["at"], found.maps["channels"]
    assert channels.sum() == pytest.approx(at.sum(), rel=1e-6)
    axis = 0 if at.ndim == 3 else at.ndim - 1
    assert channels.shape == (at.shape[axis],)
    one = np.take(at, 2, axis=axis).sum()
    assert channels[2] == pytest.approx(one, rel=1e-6)
    assert found.parameters["at"] == gate(name)
    np.testing.assert_array_equal(found.attribution, explain(name).attribution)


@pytest.mark.parametrize("name", list(GATES))
def test_maps_through_single_channels_add_up_to_the_whole(name):
    """Propagation is linear in what it starts from: concepts share the relevance out."""
    whole = explain(name, at=gate(name))
    count = len(whole.maps["channels"])
    half = ",".join(map(str, range(0, count, 2)))
    rest = ",".join(map(str, range(1, count, 2)))
    parts = [explain(name, at=gate(name), channels=k).attribution for k in (half, rest)]
    assert difference(parts[0] + parts[1], whole.attribution) < 1e-4
    assert difference(parts[0], whole.attribution) > 1e-2


def test_only_the_named_channels_keep_relevance():
    found = explain("vgg", at=gate("vgg"), channels="1, 4")
    whole = explain("vgg", at=gate("vgg"))
    kept = np.flatnonzero(found.maps["channels"])
    assert set(kept) <= {1, 4}
    np.testing.assert_array_equal(found.maps["at"][4], whole.maps["at"][4])
    again = explain("vgg", at=gate("vgg"), channels=[1, 4])
    np.testing.assert_array_equal(found.attribution, again.attribution)


def test_a_tensor_inside_of_a_merged_chain_masks_as_its_end_does():
    graph = pair("resnet").double.network.graph
    norm = next(n for n in graph.nodes if n.op_type == "BatchNormalization")
    inner, end = (explain("resnet", at=t, channels="0,3") for t in (norm.inputs[0], norm.output))
    np.testing.assert_array_equal(inner.attribution, end.attribution)
    assert difference(inner.attribution, explain("resnet").attribution) > 1e-2


def test_masked_relevance_conserves_what_the_channels_had():
    made = pair("vgg")
    last = made.double.network.head.logits
    vector = made.double.network.graph.producers[last].inputs[0]
    found = explain("vgg", composite="epsilon", at=vector, channels="2")
    assert found.maps["channels"].shape == (32,)
    assert found.maps["channels"][2] == pytest.approx(found.maps["channels"].sum())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"channels": "1"}, UsageError, "set `at`"),
        ({"at": "MaxPool_output", "channels": "99"}, UsageError, "unknown layer|99.*0\\.\\."),
        ({"at": "no such tensor"}, UnknownNameError, "no such tensor"),
        ({"start": "mean"}, UnknownNameError, "start: score, others"),
    ],
)
def test_wrong_wishes_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        explain("vgg", **parameters)


@pytest.mark.parametrize("channels", ["16", "-1", "one", "", "1;2", "1.5"])
def test_channels_that_are_not_there(channels):
    with pytest.raises(UsageError, match=r"is not one of 0\.\.15"):
        explain("vgg", at=gate("vgg"), channels=channels)


def test_a_tensor_that_no_relevance_reaches_cannot_be_masked():
    graph = pair("vit").double.network.graph
    scores = next(n for n in graph.nodes if n.op_type == "Softmax").output
    with pytest.raises((UsageError, MethodRefusedError), match=r"no relevance arrives|channels"):
        explain("vit", composite="cp-lrp", at=scores, channels="0")


def test_seed_against_the_mean_of_the_others():
    made = pair("vgg")
    logits = made.double.predict(made.x).logits
    others = [k for k in range(len(logits)) if k != TARGET]
    maps = {
        k: made.double.explain(made.x, "lrp", k, kind="logit").attribution
        for k in range(len(logits))
    }
    found = explain("vgg", start="others")
    expected = maps[TARGET] - sum(maps[k] for k in others) / len(others)
    assert difference(found.attribution, expected) < 1e-5
    assert found.measures["relevance_out"] == pytest.approx(
        logits[TARGET] - logits[others].mean(), rel=1e-5
    )
    assert difference(found.attribution, maps[TARGET]) > 1e-2


def test_a_difference_has_no_seed_against_the_others():
    made = pair("vgg")
    with pytest.raises(MethodRefusedError, match="one plain class"):
        made.double.explain(made.x, "lrp", 1, contrast=2, start="others", kind="logit")


def test_the_record_holds_both_sums():
    measures = explain("resnet").measures
    assert measures["conservation"] == pytest.approx(
        measures["relevance_in"] / measures["relevance_out"]
    )


def test_methods_are_composites():
    for method, parameters, composite in [
        ("deep-taylor", {}, "deep-taylor"),
        ("deep-taylor", {"first": "w-square"}, "deep-taylor-unbounded"),
        ("deep-taylor", {"zero_bias": True}, "deep-taylor"),
    ]:
        found = explain("vgg", method, **parameters)
        extra = {k: v for k, v in parameters.items() if k == "zero_bias"}
        same = explain("vgg", composite=composite, **extra)
        np.testing.assert_array_equal(found.attribution, same.attribution)
    for form, composite in [("attn", "attn-lrp"), ("cp", "cp-lrp")]:
        found = explain("vit", "attn-lrp", form=form)
        np.testing.assert_array_equal(
            found.attribution, explain("vit", composite=composite).attribution
        )
    with pytest.raises(MethodRefusedError, match="has none; use lrp"):
        explain("vgg", "attn-lrp")
    with pytest.raises(UnknownNameError, match="forms: attn, cp"):
        explain("vit", "attn-lrp", form="flash")
    with pytest.raises(UnknownNameError, match="first: z-box, w-square"):
        explain("vgg", "deep-taylor", first="flat")


def test_top_channels():
    sums = np.array([1.0, -4.0, 3.0, 0.0])
    assert top_channels(sums, 2) == [(1, -4.0, -0.5), (2, 3.0, 0.375)]
    assert top_channels(np.zeros(2)) == [(0, 0.0, 0.0), (1, 0.0, 0.0)]
