"""Groups that ONNX Runtime computes in integers: the twin rounds as its kernels do."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import nets
import numpy as np
import onnx
import onnxruntime
import pytest
import scipy.ndimage
import seeded
import torch
from architectures import BasicBlock
from integer_sums import needs_exact_sums, skip_if_sums_overflow
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

import onnxplain
from onnxplain.convert import integer_kernels, to_torch
from onnxplain.convert.program import Program
from onnxplain.graph.integer_groups import find_integer_groups
from onnxplain.graph.prepare import prepare
from onnxplain.graph.quantised import quantisation_step
from tests.engines import logits_of

LITE0 = "models/efficientnet-lite0-int8.onnx"
PHOTOS = sorted(p for p in Path("examples/photos").iterdir() if p.suffix in (".png", ".jpg"))
LEVELS = onnxruntime.GraphOptimizationLevel
# Activations, weights, weights by channel.
FORMS = {
    "uint8": (QuantType.QUInt8, QuantType.QInt8, True),
    "uint8 weights": (QuantType.QUInt8, QuantType.QUInt8, False),
    "int8": (QuantType.QInt8, QuantType.QInt8, True),
}
# Operators of ONNX Runtime that stand for the groups, and those of the file.
FUSED = {
    "QLinearConv": "Conv",
    "QLinearMatMul": "MatMul",
    "MatMulIntegerToFloat": "MatMul",
    "QGemm": "Gemm",
    "QLinearAdd": "Add",
    "QLinearMul": "Mul",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearSoftmax": "Softmax",
}


class Gated(nn.Module):
    """MobileNetV3 in small: depthwise convolutions, squeeze and excitation, hard swish."""

    def __init__(self, inputs, width, outputs):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.Hardswish())
        depthwise = nn.Conv2d(width, width, 3, 1, 1, groups=width)
        self.filter = nn.Sequential(depthwise, nn.Hardswish())
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 8, 1), nn.ReLU(),
            nn.Conv2d(8, width, 1), nn.Hardsigmoid(),
        )  # fmt: skip
        self.project = nn.Conv2d(width, outputs, 1)
        self.residual = inputs == outputs

    def forward(self, x):
        y = self.filter(self.expand(x))
        y = self.project(y * self.gate(y))
        return x + y if self.residual else y


class DeepResNet(nn.Sequential):
    """Sixteen residual blocks: a rounding that flips early has far to grow."""

    def __init__(self):
        blocks = [BasicBlock(8, 8) for _ in range(16)]
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *blocks,
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, nets.CLASSES),
        )  # fmt: skip


class DeepMobileNetV3(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 16, 3, 2, 1), nn.Hardswish(), *[Gated(16, 32, 16) for _ in range(6)],
            Gated(16, 32, 24), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(24, 32), nn.Hardswish(), nn.Linear(32, nets.CLASSES),
        )  # fmt: skip


OWN = {"deep resnet": DeepResNet, "mobilenet v3": DeepMobileNetV3}


def picture(seed, batch=1):
    return nets.images("resnet", batch, seed=seed).astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"image": picture(seed, 4)} for seed in range(4)])

    def get_next(self):
        return next(self.batches, None)


@cache
def exported(name):
    if name not in OWN:
        return nets.exported(name).proto
    calibration = torch.from_numpy(picture(1, 16))
    net = nets.trained_like(seeded.made(OWN[name]), calibration)
    return nets.export(net, calibration[:1], folded=True)


@pytest.fixture(scope="module")
def quantised(tmp_path_factory):
    """Make a prepared QDQ file of a network; kept for this module."""

    @cache
    def make(name, form):
        folder = tmp_path_factory.mktemp("groups")
        activations, weights, per_channel = FORMS[form]
        onnx.save(exported(name), folder / "float.onnx")
        quant_pre_process(folder / "float.onnx", folder / "ready.onnx", skip_symbolic_shape=True)
        quantize_static(
            folder / "ready.onnx", folder / "int8.onnx", Calibration(),
            quant_format=QuantFormat.QDQ, per_channel=per_channel,
            activation_type=activations, weight_type=weights,
        )  # fmt: skip
        return prepare(onnx.load(folder / "int8.onnx"))

    return make


def session(model, level, written_to=None):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if written_to is not None:
        options.optimized_model_filepath = str(written_to)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def deployed_scores(graph, feed, level=LEVELS.ORT_ENABLE_ALL):
    """Scores in front of the final activation."""
    tensor, name = logits_of(graph), graph.inputs[0].name
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    if tensor not in {o.name for o in graph.outputs}:
        model.graph.output.append(helper.make_empty_tensor_value_info(tensor))
    runs = session(model, level)
    return np.concatenate([runs.run([tensor], {name: x})[0] for x in feed])


def twin_scores(graph, feed, program=None):
    tensor, name = logits_of(graph), graph.inputs[0].name
    program = program or to_torch(graph)
    with torch.no_grad():
        found = [program.run({name: torch.from_numpy(x)}, [tensor])[tensor] for x in feed]
    return np.concatenate([f.numpy() for f in found])


def steps_between(graph, one, other):
    return np.abs(one - other).max() / quantisation_step(graph, logits_of(graph))


def in_floats(graph):
    """The twin without groups: each node rounds as floats do."""
    program = to_torch(graph)
    plain = [replace(step, rounded=None) for step in program.steps]
    return Program(plain, program.inputs, program.constants()).eval()


NETWORKS = ["resnet", "mobilenet", "vit", *OWN]


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("name", NETWORKS)
def test_a_quantised_file_is_within_one_step_of_the_deployed_network(quantised, name, form):
    graph = quantised(name, form)
    skip_if_sums_overflow(graph.model)
    feed = [picture(seed) for seed in range(100, 120)]
    deployed = deployed_scores(graph, feed)
    step = quantisation_step(graph, logits_of(graph))
    assert np.ptp(deployed, axis=0).max() > 8 * step  # the inputs make a difference
    assert steps_between(graph, twin_scores(graph, feed), deployed) <= 1


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("name", NETWORKS)
def test_the_groups_are_those_that_onnx_runtime_fuses(quantised, name, form, tmp_path):
    graph = quantised(name, form)
    session(graph.model, LEVELS.ORT_ENABLE_ALL, tmp_path / "fused.onnx")
    nodes = onnx.load(tmp_path / "fused.onnx").graph.node
    fused = Counter(FUSED[n.op_type] for n in nodes if n.op_type in FUSED)
    assert fused == Counter(graph.nodes[k].op_type for k in find_integer_groups(graph))
    assert sum(fused.values()) > 3


def test_without_the_groups_a_deep_network_is_further_away(quantised):
    graph = quantised("vit", "uint8")
    feed = [picture(seed) for seed in range(100, 120)]
    deployed = deployed_scores(graph, feed)
    as_written = deployed_scores(graph, feed, LEVELS.ORT_DISABLE_ALL)
    assert steps_between(graph, as_written, deployed) > 1
    assert steps_between(graph, twin_scores(graph, feed, in_floats(graph)), deployed) > 1


def smooth(count):
    coarse = np.random.default_rng(0).uniform(-1, 1, (count, 1, 3, 7, 7)).astype(np.float32)
    return [scipy.ndimage.zoom(c, (1, 1, 32, 32), order=1) for c in coarse]


def lite0_feed(count):
    model = onnxplain.load(LITE0)
    return [model.read(p).x for p in PHOTOS] + smooth(count)


@needs_exact_sums
@pytest.mark.parametrize(
    "count", [2, pytest.param(20, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_the_shipped_int8_network_is_exact(count):
    graph, feed = prepare(onnx.load(LITE0)), lite0_feed(count)
    np.testing.assert_array_equal(twin_scores(graph, feed), deployed_scores(graph, feed))


def test_tensors_between_the_integers_keep_their_values(quantised):
    graph = quantised("deep resnet", "uint8")
    groups = find_integer_groups(graph)
    names = [graph.nodes[k].output for k in groups]
    feed = {"image": torch.from_numpy(picture(5))}
    rounded, plain = (p.run(feed, names) for p in (to_torch(graph), in_floats(graph)))
    for index, name in zip(groups, names, strict=True):
        step = groups[index].result.scale[0]
        apart = (rounded[name] - plain[name]).abs() / step
        # Behind a rounding that flipped, values differ by what that flip is worth.
        assert (apart < 1e-3).float().mean() > 0.9


@needs_exact_sums
def test_the_derivative_is_that_of_floats(quantised):
    graph = quantised("mobilenet v3", "uint8")
    tensor, x = logits_of(graph), picture(3)

    def gradient(program, x):
        leaf = torch.from_numpy(x.astype(np.float32)).requires_grad_()
        program.run({"image": leaf}, [tensor])[tensor][0, 0].backward()
        return leaf.grad.flatten()

    floats, rng = in_floats(graph), np.random.default_rng(0)
    exact = gradient(floats, x)
    # Rounded activations fall on the other side of some kinks, as they do where a picture is
    # rounded to the steps of a byte: by that the gradient may turn, and which ones do depends on
    # the processor that calibrated the file.
    step = (x.max() - x.min()) / 255
    rounded = [gradient(floats, x + step * rng.uniform(-0.5, 0.5, x.shape)) for _ in range(4)]
    alike = min(float(torch.cosine_similarity(exact, other, dim=0)) for other in rounded)
    assert 0.9 < alike <= float(torch.cosine_similarity(exact, gradient(to_torch(graph), x), dim=0))


def test_double_precision_is_exact_mathematics(quantised):
    graph = quantised("resnet", "uint8")
    tensor, x = logits_of(graph), torch.from_numpy(picture(3))
    found, wanted = (
        p.double().run({"image": x}, [tensor])[tensor] for p in (to_torch(graph), in_floats(graph))
    )
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_values_beside_the_grid_are_not_rounded():
    steps = torch.tensor([1.0 + 1e-5, 3.4, -7.0 - 2e-5, 0.5], requires_grad=True)
    whole = integer_kernels.whole(steps)
    whole.sum().backward()
    assert whole.tolist() == [1.0, pytest.approx(3.4), -7.0, 0.5]
    assert steps.grad.tolist() == [1.0] * 4


def test_sums_choose_a_type_that_holds_them():
    small, large = torch.ones(4, 100), torch.full((4, 1000), 127.0)
    assert integer_kernels.summing_type(small, [1], 255) == torch.float32
    assert integer_kernels.summing_type(large, [1], 255) == torch.float64


def one_group(op_type, operands, seed, **attributes):
    """DequantizeLinear, an operator, QuantizeLinear, with random scales and zero points."""
    rng, dtype = np.random.default_rng(seed), operands[0].dtype
    limits, code = np.iinfo(dtype), helper.np_dtype_to_tensor_dtype(operands[0].dtype)
    nodes, constants, inputs = [], [], []

    def grid(suffix, scale=None):
        scale = rng.uniform(0.003, 0.05) if scale is None else scale
        zero = rng.integers(limits.min, limits.max, endpoint=True) if scale != 1 / 200 else 0
        constants.append(numpy_helper.from_array(np.float32(scale), f"s{suffix}"))
        constants.append(numpy_helper.from_array(np.array(zero, dtype), f"z{suffix}"))
        return [f"s{suffix}", f"z{suffix}"]

    for k, q in enumerate(operands):
        nodes.append(helper.make_node("DequantizeLinear", [f"q{k}", *grid(k)], [f"x{k}"]))
        inputs.append(helper.make_tensor_value_info(f"q{k}", code, q.shape))
    names = [f"x{k}" for k in range(len(operands))]
    nodes.append(helper.make_node(op_type, names, ["y"], **attributes))
    result = grid("y", 1 / 200 if op_type == "Softmax" else None)
    nodes.append(helper.make_node("QuantizeLinear", ["y", *result], ["r"]))
    out = [helper.make_tensor_value_info("r", code, None)]
    graph = helper.make_graph(nodes, "group", inputs, out, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def every_pair(dtype):
    values = np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1).astype(dtype)
    shape = (1, 256, 16, 16)
    return [np.repeat(values, 256).reshape(shape), np.tile(values, 256).reshape(shape)]


def random_integers(dtype):
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(1)
    return [rng.integers(limits.min, limits.max, (2, 64, 7, 7), endpoint=True).astype(dtype)]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("op_type", ["Add", "Mul", "GlobalAveragePool", "Softmax"])
def test_an_element_wise_group_rounds_as_its_kernel_does(op_type, dtype):
    operands = every_pair(dtype) if op_type in ("Add", "Mul") else random_integers(dtype)
    feed = {f"q{k}": q for k, q in enumerate(operands)}
    for seed in range(4):
        model = one_group(op_type, operands, seed)
        wanted = session(model, LEVELS.ORT_ENABLE_ALL).run(None, feed)[0]
        program = to_torch(prepare(model))
        got = program.run({n: torch.from_numpy(q) for n, q in feed.items()}, ["r"])["r"].numpy()
        differs = got != wanted
        # A sum of exponentials in another order may be rounded differently.
        assert differs.sum() <= (1 if op_type == "Softmax" else 0)
        assert np.abs(got - wanted.astype(float)).max() <= 1
    assert wanted.std() > 1


def test_groups_that_no_kernel_takes_stay_floating():
    # ONNX Runtime has no integer operators of 16 bits.
    operands = [np.arange(64, dtype=np.uint16).reshape(1, 4, 4, 4)] * 2
    model = one_group("Add", operands, 0)
    model.opset_import[0].version = 21
    assert not find_integer_groups(prepare(model))
    operands = [q.astype(np.uint8) for q in operands]
    assert find_integer_groups(prepare(one_group("Add", operands, 0)))
