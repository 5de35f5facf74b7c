"""One model file: its engines, opened when needed, and what its output means."""

import graphs
import numpy as np
import pytest
from graphs import SIDE, build, classifier, value_info
from onnx.helper import make_node as node

import onnxplain
from onnxplain.adapters.base import Capability
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.slopes_engine import SlopesEngine
from onnxplain.adapters.torch import TorchAdapter
from onnxplain.errors import NumericalError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.targets.target import Target

X = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIDE, SIDE)).astype(np.float32)


def class_scores(values, classes, activation):
    """Scores that a target reads from tensor ``y``."""
    return Target(0, "probability", "y", activation, classes).class_scores({"y": values})


def opened(proto=None, **options):
    return Network(prepare(proto or classifier()), **options)


class TestEngines:
    @pytest.mark.parametrize(
        ("needs", "kind"),
        [
            (Capability.FORWARD, OrtAdapter),
            (Capability.ACTIVATIONS, OrtAdapter),
            (Capability.FORWARD | Capability.ACTIVATIONS, OrtAdapter),
            (Capability.GRADIENTS, SlopesEngine),
            (Capability.GRADIENTS | Capability.ACTIVATIONS, SlopesEngine),
            (Capability.GRADIENTS | Capability.SIGNALS, TorchAdapter),
            (Capability.RELEVANCE, SlopesEngine),
        ],
    )
    def test_the_cheapest_that_suffices(self, needs, kind):
        found = opened().adapter(needs)
        assert type(found) is kind
        assert needs in found.capabilities

    def test_they_are_kept(self):
        network = opened()
        assert network.ort is network.ort
        assert network.torch is network.torch

    @pytest.mark.parametrize(
        ("precision", "dtype"), [("single", np.float32), ("double", np.float64)]
    )
    def test_precision_is_that_of_pytorch(self, precision, dtype):
        network = opened(precision=precision)
        assert network.torch.forward(X).dtype == dtype
        assert network.ort.forward(X).dtype == np.float32

    @pytest.mark.parametrize("size", [1, 7])
    def test_batch_size(self, size):
        assert opened(batch_size=size).batch_size == size
        assert opened().batch_size == 32


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "half"}, "'half' is not known; allowed: single, double"),
        ({"batch_size": 0}, "must be 1 or more"),
        ({"output": "logit"}, "unknown output 'logit'"),
        ({"input_name": "x"}, "unknown input 'x'"),
        ({"layout": "NHWC"}, "layout 'NHWC' does not fit"),
        ({"size": (5, 5)}, "fixed size 12 x 12"),
        ({"bound": {"scale": np.ones(1)}}, r"no input is named \['scale'\]"),
    ],
)
def test_options_that_do_not_fit(options, said):
    with pytest.raises(UsageError, match=said):
        assert opened(**options).answer  # the output is looked for when it is asked for


class TestClasses:
    @pytest.mark.parametrize("final", [None, "Softmax"])
    @pytest.mark.parametrize("classes", [2, 7])
    def test_number(self, final, classes):
        answer = opened(classifier(classes=classes, final=final)).answer
        assert (answer.task, answer.shape, answer.places) == ("classes", (classes,), ())

    @pytest.mark.parametrize(
        ("final", "task"), [(None, "values"), ("Sigmoid", "yes-no"), ("Softmax", "unknown")]
    )
    def test_one_number_is_no_class(self, final, task):
        answer = opened(classifier(classes=1, final=final)).answer
        assert (answer.task, answer.shape) == (task, (1,))

    @pytest.mark.parametrize("shape", [[-1, 4, 1, 1], [-1, 1, 1, 4]])
    def test_scores_with_axes_of_length_one(self, shape):
        proto = classifier()
        proto.graph.node.append(node("Reshape", ["scores", "s"], ["wide"]))
        proto.graph.initializer.append(graphs.numpy_helper.from_array(np.array(shape), "s"))
        proto.graph.output[0].CopyFrom(value_info("wide", ["N", *shape[1:]]))
        network = opened(proto)
        assert (network.answer.shape, network.answer.places) == ((4,), ())
        found = onnxplain.load(proto, preprocess="zero-one").explain(X, "grad-cam", 2)
        plain = onnxplain.load(classifier(), preprocess="zero-one").explain(X, "grad-cam", 2)
        np.testing.assert_allclose(found.attribution, plain.attribution, rtol=1e-5)
        assert np.ptp(plain.attribution) > 0

    def test_a_dense_output_has_classes_and_places(self):
        answer = opened(classifier(extra=True), output="maps").answer
        assert (answer.shape, answer.axis, answer.places) == ((12, 6, 6), 0, (6, 6))

    def test_an_output_of_unknown_rank_is_measured(self):
        proto = classifier()
        proto.graph.output[0].type.tensor_type.ClearField("shape")
        assert opened(proto).answer.shape == (4,)


class TestProbabilitiesWithoutSoftmax:
    WRITTEN = (
        node("Exp", ["logits"], ["e"]),
        node("ReduceSum", ["e", "axes"], ["sum"], keepdims=1),
        node("Div", ["e", "sum"], ["scores"]),
    )
    # Behind a matrix product the graph does not show that they are probabilities.
    SHARES = (
        node("Softmax", ["logits"], ["p"]),
        node("MatMul", ["p", "turned"], ["scores"]),
    )

    def proto(self, tail):
        proto = classifier(final="Softmax")
        del proto.graph.node[-1]
        proto.graph.node.extend(tail)
        turned = np.eye(graphs.CLASSES, dtype=np.float32)[::-1].copy()
        for name, value in {"axes": np.array([1]), "turned": turned}.items():
            proto.graph.initializer.append(graphs.numpy_helper.from_array(value, name))
        return proto

    def test_a_softmax_that_is_written_out_is_followed(self):
        network = opened(self.proto(self.WRITTEN))
        assert (network.head.logits, network.answer.doubt) == ("logits", "")
        model = onnxplain.load(self.proto(self.WRITTEN), preprocess="minus-one-one")
        expected = onnxplain.load(classifier(final="Softmax"), preprocess="minus-one-one")
        for kind in ("probability", "logit"):
            np.testing.assert_allclose(
                model.predict(X).of_kind(kind), expected.predict(X).of_kind(kind), rtol=1e-5
            )

    def test_others_are_noticed_on_a_probe(self):
        network = opened(self.proto(self.SHARES))
        assert network.head.logits == "scores"
        assert not network.has_logits
        assert network.answer.probability is network.answer.raw
        assert "on a probe" in network.answer.evidence

    def test_no_second_softmax_is_applied_and_the_user_is_told(self):
        model = onnxplain.load(self.proto(self.SHARES), preprocess="minus-one-one")
        assert any("read as probabilities" in w for w in model.warnings)
        held = model.network.ort.activations(X, ["scores"])["scores"][0]
        np.testing.assert_array_equal(model.predict(X).probabilities, held)
        assert held.sum() == pytest.approx(1.0, rel=1e-6)

    def test_what_the_user_declares_outranks_the_probe(self):
        network = opened(self.proto(self.SHARES), scores="raw")
        assert network.answer.probability is None
        assert not any("probe" in w for w in (network.answer.evidence, network.answer.doubt))

    @pytest.mark.parametrize("final", [None, "Softmax", "Sigmoid", "LogSoftmax"])
    @pytest.mark.parametrize("classes", [1, 4])
    def test_other_outputs_are_not_taken_for_it(self, final, classes):
        answer = opened(classifier(final=final, classes=classes)).answer
        assert "probe" not in answer.evidence
        assert (answer.probability is None) == (
            final is None or (classes == 1 and final != "Sigmoid")
        )


class TestOtherInputs:
    def proto(self):
        proto = classifier(
            before=[node("Mul", ["image", "gain"], ["ready"])],
            constants={"gain": np.float32(1.0)},
        )
        kept = [t for t in proto.graph.initializer if t.name != "gain"]
        del proto.graph.initializer[:]
        proto.graph.initializer.extend(kept)
        proto.graph.input.append(value_info("gain", [1]))
        return proto

    def test_they_need_a_value(self):
        with pytest.raises(UsageError, match=r"inputs \['gain'\] need a value"):
            opened(self.proto())

    def test_two_faults_are_two_clauses(self):
        with pytest.raises(UsageError, match=r"need a value .*; no input is named \['gains'\]"):
            opened(self.proto(), bound={"gains": np.ones(1)})

    @pytest.mark.parametrize("engine", ["ort", "torch"])
    def test_the_value_given_is_used(self, engine):
        network = opened(self.proto(), bound={"gain": np.array([0.5], np.float32)})
        found = getattr(network, engine).forward(2 * X)
        expected = getattr(opened(), engine).forward(X)
        assert network.image.others == ("gain",)
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_explanations_use_it_too(self):
        bound = {"gain": np.array([0.5], np.float32)}
        found = onnxplain.load(self.proto(), preprocess="zero-one", bound=bound)
        plain = onnxplain.load(classifier(), preprocess="zero-one")
        # Not z-box, the default's first rule: the box of pixels is that of the other scale.
        options = {"grad-cam": {}, "gradient-x-input": {}, "lrp": {"composite": "epsilon-plus"}}
        for method, given in options.items():
            one, other = (m.explain(v, method, 1, **given) for m, v in ((found, 2 * X), (plain, X)))
            np.testing.assert_allclose(one.attribution, other.attribution, rtol=1e-4, atol=1e-6)


class TestScores:
    @pytest.mark.parametrize(
        ("activation", "expected"),
        [
            ("none", [[0.0, np.log(3)]]),
            ("softmax", [[0.25, 0.75]]),
            ("sigmoid", [[0.5, 0.75]]),
            ("exp", [[1.0, 3.0]]),
        ],
    )
    def test_activations(self, activation, expected):
        values = np.array([0.0, np.log(3)]).reshape(1, 2, 1, 1)
        found = class_scores(values, 2, activation)
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_large_logits_do_not_overflow(self):
        values = np.array([[1e4, 0.0], [0.0, -1e4]], np.float32)
        found = class_scores(values, 2, "softmax")
        np.testing.assert_array_equal(found, [[1, 0], [1, 0]])

    def test_nan_and_inf_are_counted(self):
        values = np.array([[np.nan, np.inf, -np.inf, 1.0]])
        with pytest.raises(NumericalError, match="'y' holds 1 NaN and 2 Inf"):
            class_scores(values, 4, "none")


def test_nan_within_the_network_ends_in_one_line():
    proto = classifier(before=[node("Log", ["image"], ["ready"])])
    model = onnxplain.load(proto, preprocess="minus-one-one")
    for method in ("cam", "grad-cam", "occlusion", "lrp"):
        with pytest.raises(NumericalError, match=r"holds .* NaN") as caught:
            model.explain(X, method)
        assert "\n" not in str(caught.value)


def test_a_tensor_can_be_asked_for_by_any_of_its_names():
    nodes = [
        node("Conv", ["x", "k"], ["c"], name="first"),
        node("Identity", ["c"], ["again"]),
        node("Relu", ["again"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    ]
    proto = build(nodes, [value_info("scores", ["N", 5])], {"k": graphs.weights(5, 3, 1, 1)})
    network = Network(prepare(proto), layout="NCHW")
    assert {network.layer(n).name for n in ("c", "again", "first")} == {"c"}
