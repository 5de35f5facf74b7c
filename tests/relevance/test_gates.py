"""Activations that exporters take to pieces are found by their root; other products are not."""

import numpy as np
import pytest
import torch
from handmade import walk
from nets import export
from originals import difference
from torch import nn

from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from onnxplain.relevance.gates import self_gates, signal_operand


class TanhGelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(0.79788456 * (x + 0.044715 * x**3)))


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Divided(nn.Module):
    """SiLU as x / (1 + exp(-x))."""

    def forward(self, x):
        return x / (1 + torch.exp(-x))


class Residual(nn.Module):
    """Two roots: the sum is no function of one tensor."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return (x + self.conv(x)) * x


class Excitation(nn.Module):
    """Squeeze-and-excitation: the gate averages over places."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True)))


class Square(nn.Module):
    def forward(self, x):
        return x * x


class Biased(nn.Module):
    """The weighted node takes the bias in; what comes behind must find its way to both."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(6, 6)
        self.activation = nn.GELU()

    def forward(self, x):
        return self.activation(self.dense(x))


DECOMPOSED = [nn.SiLU, nn.Hardswish, nn.GELU, nn.Mish, TanhGelu, QuickGelu, Divided]


def written(activation, opset=13):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 3, 1), activation(), nn.Conv2d(3, 5, 1)).eval()
    return export(net, torch.zeros(1, 3, 6, 6), opset=opset)


def gates_of(proto):
    graph = prepare(proto)
    return graph, self_gates(graph, graph.descendants(["image"]))


@pytest.mark.parametrize("activation", DECOMPOSED)
def test_a_decomposed_activation_is_one_function_of_its_root(activation):
    graph, found = gates_of(written(activation))
    conv = next(n.output for n in graph.nodes if n.op_type == "Conv")
    if activation is nn.Hardswish:  # one operator of its own from opset 14, here in pieces
        assert not [n for n in graph.nodes if n.op_type == "HardSwish"]
    assert found
    assert set(found.values()) == {conv}


@pytest.mark.parametrize("activation", DECOMPOSED)
def test_all_relevance_goes_to_the_root(activation):
    proto = written(activation)
    graph, _ = gates_of(proto)
    first, second = (n for n in graph.nodes if n.op_type == "Conv")
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6))
    R = np.random.default_rng(1).normal(size=(1, 5, 6, 6))
    names = (second.inputs[0], first.output)
    walked = walk(proto, x, R, composite("epsilon"), names=names)
    behind, root = (walked.relevance[n].numpy() for n in names)
    assert difference(root, behind) < 1e-12
    assert np.abs(behind).max() > 0.1


@pytest.mark.parametrize("activation", [Residual, Excitation, Square])
def test_products_of_different_signals_are_no_activation(activation):
    _, found = gates_of(written(activation))
    assert found == {}


def test_the_signal_of_an_excitation_is_found():
    graph, _ = gates_of(written(Excitation))
    (product,) = (n for n in graph.nodes if n.op_type == "Mul")
    signal = product.inputs[signal_operand(graph, product)]
    assert graph.producers[signal].op_type == "Conv"


@pytest.mark.parametrize("activation", [Residual, Square])
def test_no_operand_is_a_gate(activation):
    graph, _ = gates_of(written(activation))
    (product,) = (n for n in graph.nodes if n.op_type == "Mul")
    assert signal_operand(graph, product) is None


def test_the_root_is_behind_the_bias():
    graph, found = gates_of(written(Biased))
    (root,) = found.values()
    assert graph.producers[root].op_type == "Add"
    proto = written(Biased)
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 6))
    R = np.random.default_rng(1).normal(size=(1, 5, 6, 6))
    conv, last = (n for n in graph.nodes if n.op_type == "Conv")
    names = (last.inputs[0], root, conv.output)
    walked = walk(proto, x, R, composite("epsilon"), names=names)
    behind, root, dense = (walked.relevance[n].numpy() for n in names)
    assert difference(root, behind) < 1e-12
    # The bias absorbs its share, and no more.
    assert np.abs(dense).max() > 0.1
