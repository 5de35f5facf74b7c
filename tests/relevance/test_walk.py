"""The reverse walk: which tensors receive what, what is lost where, and what it leaves behind."""

import nets
import numpy as np
import pytest
import torch
from handmade import model, walk
from originals import difference, pair

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.relevance.composites import composite
from onnxplain.targets.target import Target
from tests.engines import relevance

RULES = composite("epsilon-plus")


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(1, 3, 6, 6))


def test_relevance_at_every_tensor_of_a_chain_adds_up():
    """Between two dominators relevance changes only by what the leaks say."""
    made = pair("resnet")
    network = made.double.network
    names = [layer.name for layer in network.layers]
    target = made.double.target(3, made.double.predict(made.x))
    found = relevance(network.torch, made.x, target, RULES, [*names, "image"])
    sums = [float(found.relevance[n].sum()) for n in names if found.relevance[n].any()]
    assert len(sums) > 3
    leaks = {leak.tensor: leak.absorbed for leak in found.leaks}
    assert found.scores[0] - sum(leaks.values()) == pytest.approx(
        float(found.relevance["image"].sum())
    )
    # From the last feature map to the logit there are only the linear layer and the average.
    behind = network.graph.descendants([names[0]])
    lost = sum(v for k, v in leaks.items() if k in behind and k != names[0])
    assert sums[0] == pytest.approx(found.scores[0] - lost)


def test_relevance_inside_of_a_merged_chain_is_that_of_its_end():
    made = pair("resnet")
    network = made.double.network
    norm = next(n for n in network.graph.nodes if n.op_type == "BatchNormalization")
    target = made.double.target(3, made.double.predict(made.x))
    found = relevance(network.torch, made.x, target, RULES, [norm.inputs[0], norm.output])
    assert found.relevance[norm.output].any()
    assert (found.relevance[norm.inputs[0]] == found.relevance[norm.output]).all()


# Relevance may start before what a weighted node would be merged with.
SCALED = {
    "a factor after a Gemm": "flat = Flatten(image) z = Gemm(flat, w, b) s = Mul(z, t) ",
    "a shift after a MatMul": "flat = Flatten(image) z = MatMul(flat, w) s = Add(z, b) ",
}


@pytest.mark.parametrize("body", SCALED.values(), ids=SCALED)
def test_relevance_that_starts_inside_of_a_chain_is_that_of_the_model_cut_there(x, body):
    rng = np.random.default_rng(3)
    weights = {"w": rng.normal(size=(108, 4)), "b": rng.normal(size=4), "t": np.array(2.5)}
    whole = model(body + "scores = Softmax(s)", weights, output="float[N,K] scores")
    cut = model(body.split("s =")[0] + "scores = Identity(z)", weights, output="float[N,K] scores")
    R = rng.normal(size=(1, 4))
    found = walk(whole, x, R, RULES, output="z").relevance["image"]
    expected = walk(cut, x, R, RULES).relevance["image"]
    assert expected.any()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_leaks_are_sorted_and_name_tensor_and_operator(x):
    body = "a = Add(image, k) b = Relu(a) scores = Conv(b, w)"
    weights = {"k": np.full((3, 1, 1), 4.0), "w": np.ones((2, 3, 1, 1))}
    proto = model(body, weights, output="float[N,C,H,W] scores")
    R = np.ones((1, 2, 6, 6))
    found = walk(proto, x, R, composite("epsilon"))
    sizes = [abs(leak.absorbed) for leak in found.leaks]
    assert sizes == sorted(sizes, reverse=True)
    assert (found.leaks[0].tensor, found.leaks[0].op_type) == ("a", "Add")
    absorbed = R.sum() - float(found.relevance["image"].sum())
    assert found.leaks[0].absorbed == pytest.approx(absorbed, rel=1e-5)


def test_what_is_not_on_the_way_receives_zeros(x):
    body = "side = Sigmoid(image) scores = Relu(image)"
    proto = model(body, output="float[N,C,H,W] scores, float[N,C,H,W] side")
    found = walk(proto, x, x, RULES, names=("side", "image"), output="scores")
    with_side = walk(proto, x, x, RULES, names=("image",), output="side")
    np.testing.assert_array_equal(found.relevance["image"], x)
    np.testing.assert_array_equal(with_side.relevance["image"], x)


def test_a_constant_branch_keeps_its_relevance(x):
    """A class token joins the stream: its share goes nowhere, and the leak says so."""
    body = "r = Reshape(image, shape) t = Concat<axis = 1>(token, r) scores = Relu(t)"
    weights = {"shape": np.array([0, 3, 36]), "token": np.ones((1, 1, 36))}
    proto = model(body, weights, output="float[N,T,C] scores")
    R = np.random.default_rng(1).normal(size=(1, 4, 36))
    found = walk(proto, x, R, RULES)
    np.testing.assert_array_equal(found.relevance["image"].numpy().ravel(), R[:, 1:].ravel())
    assert found.leaks[0].absorbed == pytest.approx(R[:, 0].sum())


def test_an_operator_beside_the_way_needs_no_rule(x):
    body = "s = Sin(image) scores = Relu(image)"
    proto = model(body, output="float[N,C,H,W] scores, float[N,C,H,W] s")
    np.testing.assert_array_equal(walk(proto, x, x, RULES).relevance["image"], x)
    with pytest.raises(MethodRefusedError, match="Sin"):
        walk(proto, x, x, RULES, output="s")


def test_an_operator_of_another_domain_is_named(x):
    proto = model("scores = com.microsoft.FastGelu(image)", output="float[N,C,H,W] scores")
    with pytest.raises(MethodRefusedError, match=r"com\.microsoft::FastGelu at tensor 'scores'"):
        walk(proto, x, x, RULES)


@pytest.mark.parametrize("name", ["vgg", "resnet", "mobilenet", "vit", "windows", "tensorflow"])
def test_a_batch_is_propagated_row_by_row(name):
    network = pair(name).double.network
    xs = nets.images(name, 3, seed=5).astype(np.float32)
    target = Target(1, "logit", network.head.logits, "none", nets.CLASSES)
    joined = relevance(network.torch, xs, target, RULES, ["image"])
    for row in range(3):
        alone = relevance(network.torch, xs[row : row + 1], target, RULES, ["image"])
        assert difference(joined.relevance["image"][row], alone.relevance["image"][0]) < 1e-9
    assert difference(joined.relevance["image"][0], joined.relevance["image"][1]) > 1e-2


def test_a_second_walk_finds_nothing_of_the_first():
    made = pair("resnet")
    first = made.double.explain(made.x, "lrp", 3).attribution
    made.double.explain(made.x[..., ::-1].copy(), "lrp", 1, composite="epsilon")
    np.testing.assert_array_equal(made.double.explain(made.x, "lrp", 3).attribution, first)


def test_a_walk_changes_no_gradient():
    made = pair("resnet")
    first = made.double.explain(made.x, "saliency", 3).attribution
    made.double.explain(made.x, "lrp", 3)
    np.testing.assert_array_equal(made.double.explain(made.x, "saliency", 3).attribution, first)
    assert not any(
        p.requires_grad for p in made.double.network.torch._converted.program.parameters()
    )


def test_contrast_seeds_both_classes():
    made = pair("vgg")
    one, two = (made.double.explain(made.x, "lrp", k, kind="logit").attribution for k in (1, 3))
    both = made.double.explain(made.x, "lrp", 1, kind="logit", contrast=3).attribution
    assert difference(both, one - two) < 1e-5


def test_probabilities_are_refused():
    made = pair("vgg")
    with pytest.raises(UsageError, match="logits"):
        made.double.explain(made.x, "lrp", 1, kind="probability")


def test_old_files_walk_as_new_ones_do():
    """LayerNorm and GELU in pieces (opset 11) receive what the whole operators do (opset 20)."""
    net, x = nets.network("vit"), nets.images("vit")
    protos = [nets.export(net, torch.from_numpy(x).float(), opset=o) for o in (11, 17, 20)]
    kinds = [{n.op_type for n in p.graph.node} for p in protos]
    assert ["LayerNormalization" in k for k in kinds] == [False, True, True]
    assert ["Gelu" in k for k in kinds] == [False, False, True]
    R = np.eye(nets.CLASSES)[2]
    found = [walk(p, x, R, composite("epsilon")).relevance["image"] for p in protos]
    # The exporter writes the root of two in float32.
    assert difference(found[1].numpy(), found[2].numpy()) < 1e-7
    assert difference(found[0].numpy(), found[2].numpy()) < 1e-4
