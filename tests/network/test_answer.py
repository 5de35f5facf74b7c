"""What an output answers: from the graph, from what is declared, and from a probe."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network import answer as module
from onnxplain.network.answer import Asked, declared_answer, probed
from onnxplain.network.network import Network
from tests.engines import outputs_of

W = np.random.default_rng(0).normal(size=(108, 4)) / 100
VALUES = {
    "w": W,
    "one": W[:, :1],
    "turned": np.eye(4)[::-1],
    "half": np.array([0.5]),
    "hundred": np.array([100.0]),
    "shift": np.array([[0.5, -0.5, 0.25, 0.25]]),
}
START = "f = Flatten(image) z = MatMul(f, w)"
LOGITS = "f = Flatten(image) scores = MatMul(f, w)"
# Behind a matrix product the graph does not show that they are probabilities.
SHARES = f"{START} p = Softmax<axis = 1>(z) scores = MatMul(p, turned)"
SINGLE = "f = Flatten(image) scores = MatMul(f, one)"
BOUNDED = "f = Flatten(image) y = MatMul(f, one) s = Tanh(y) a = Abs(s) scores = Mul(a, half)"


def asked(task=None, scores=None):
    return Asked(task, scores, {})


def found(body, task=None, scores=None, *, output="float[N,K] scores"):
    values = {n: v for n, v in VALUES.items() if f", {n})" in body}
    graph = prepare(model(body, values, output=output))
    network = Network(graph, device="cpu")
    said = asked(task, scores)
    answer = declared_answer(network, outputs_of(graph), said)
    return network, answer, probed(network, answer, said)


def held(network, reading, batch=3):
    """What a reading says of pictures, and what the output holds."""
    x = np.random.default_rng(1).random((batch, 3, 6, 6)).astype(np.float32)
    values = network.ort.activations(x, [*reading.tensors, "scores"])
    return reading.read(values), values["scores"]


def test_several_numbers_that_sum_to_one_are_probabilities():
    network, before, after = found(SHARES)
    assert before.probability is None
    assert (after.task, after.logit) == ("classes", None)
    assert after.evidence == "its values are not negative and sum to one, on a probe"
    assert "if they are not, declare --scores raw" in after.doubt
    read, output = held(network, after.probability)
    np.testing.assert_allclose(read, output, rtol=1e-7)


@pytest.mark.parametrize(
    "body",
    [
        LOGITS,
        # They sum to one, but some are negative.
        f"{SHARES.replace('scores =', 'u =')} v = Mul(u, half) scores = Add(v, shift)",
        # They are not negative, and sum to something else.
        f"{SHARES.replace('scores =', 'u =')} scores = Mul(u, half)",
        # Not a number on the probe.
        "f = Flatten(image) y = MatMul(f, w) n = Abs(y) m = Neg(n) scores = Log(m)",
    ],
)
def test_other_numbers_are_not_taken_for_any(body):
    _, before, after = found(body)
    assert after is before
    assert after.probability is None


@pytest.mark.parametrize(("task", "scores"), [(None, "raw"), (None, "logits"), ("values", None)])
def test_what_is_declared_outranks_the_probe(monkeypatch, task, scores):
    monkeypatch.setattr(Network, "random_input", None)
    _, before, after = found(SHARES, task, scores)
    assert after is before
    assert after.doubt == ""


def test_one_number_between_zero_and_one_raises_a_doubt():
    _, before, after = found(BOUNDED)
    assert (before.task, before.doubt) == ("values", "")
    assert "on a probe this number lies between 0 and 1" in after.doubt
    _, before, after = found(f"{BOUNDED.replace('scores =', 'u =')} scores = Mul(u, hundred)")
    assert after is before
    _, before, after = found(SINGLE, "values")
    assert after is before


def test_declared_probabilities_have_to_be_some():
    with pytest.raises(UsageError, match=r"on a probe its numbers run from -.*declare --scores"):
        found(
            f"{LOGITS.replace('scores =', 'u =')} scores = Mul(u, hundred)", None, "probabilities"
        )
    _, before, after = found(SHARES, None, "probabilities")
    assert after is before
    assert after.probability is not None


def test_probabilities_that_a_probe_cannot_judge_are_believed():
    """Not a number on the probe: what is wrong is said when a picture is read."""
    body = "f = Flatten(image) y = MatMul(f, w) n = Abs(y) m = Neg(n) scores = Log(m)"
    _, before, after = found(body, None, "probabilities")
    assert after is before


def test_a_declaration_that_contradicts_the_output_is_refused():
    with pytest.raises(UsageError, match="yes-no"):
        found(LOGITS, "yes-no")
    with pytest.raises(UnknownNameError, match="task 'sorts'"):
        found(LOGITS, "sorts")


def test_an_output_that_no_memory_holds_is_one_line(monkeypatch):
    network, _, _ = found(LOGITS)

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(module, "find_answers", full)
    with pytest.raises(
        UnsupportedModelError, match=r"'scores' of shape \[1, 4\] needs more memory"
    ):
        declared_answer(network, outputs_of(network.graph), asked())


def test_an_output_without_numbers_is_refused(monkeypatch):
    network, _, _ = found(LOGITS)
    monkeypatch.setattr(module, "find_answers", lambda *_: [])
    with pytest.raises(UnsupportedModelError, match="'scores' holds no numbers; choose --output"):
        declared_answer(network, outputs_of(network.graph), asked())


def test_what_shows_beside_the_other_outputs_is_kept():
    """Cut to the embedding, nothing tells any more that it stands in front of scores."""
    body = """
        c = GlobalAveragePool(image) e = Flatten(c) scores = MatMul(e, m4)
    """
    proto = model(body, {"m4": W[:3]}, output="float[N,3] e, float[N,4] scores")
    graph = prepare(proto)
    network = Network(graph, output="e", device="cpu")
    said = declared_answer(network, network._outputs, asked())
    whole = next(a for a in network._outputs.answers if a.output == "e")
    assert (said.output, said.task) == ("e", whole.task)
    assert whole.task == "embedding"
    assert said.evidence == whole.evidence
