"""Where a graph may be cut, and what its parts read, against what changes when a pixel does."""

import nets
import numpy as np
import pytest

from onnxplain.graph.prepare import prepare
from onnxplain.graph.sections import Sections
from onnxplain.network.network import Network
from tests.graph.parts import sections
from tests.heads import values

RANDOM = np.random.default_rng(0)
# Positive, so that no change cancels another one.
KERNEL = RANDOM.uniform(0.5, 1, size=(4, 3, 3, 3))
NEXT = RANDOM.uniform(0.5, 1, size=(4, 4, 3, 2))
TWO = "a = Conv <pads=[1,1,1,1]> (image, w) b = Relu(a) c = Conv <pads=[1,1,1,1]> (b, w)"
WIDE = "float[N,3,16,20] image"
CHAIN = """
    a = Conv <pads=[1,1,1,1], strides=[2,1]> (image, w) b = Relu(a)
    c = Conv <pads=[0,1,2,0], strides=[2,3]> (b, v)
    t = AveragePool <kernel_shape=[2,2], pads=[1,0,0,1]> (c)
"""


def chain():
    return sections(CHAIN, image=WIDE, w=KERNEL, v=NEXT)


def test_no_cut_in_front_of_what_is_fused_with_a_convolution():
    found = sections(
        "a = Conv(image, w) b = Relu(a) t = Conv(b, v)", w=KERNEL, v=KERNEL[:, :1].repeat(4, 1)
    )
    assert [c.tensors for c in found.cuts] == [("image",), ("b",), ("t",)]


def test_a_cut_carries_the_shortcut_too():
    found = sections(f"{TWO} t = Add(c, image)", w=RANDOM.normal(size=(3, 3, 3, 3)))
    assert [set(c.tensors) for c in found.cuts] == [{"image"}, {"image", "b"}, {"t"}]


@pytest.mark.parametrize(
    ("name", "local"), [("resnet", True), ("tensorflow", True), ("vit", False)]
)
def test_networks(name, local):
    network = Network(prepare(nets.exported(name).proto), device="cpu")
    found = Sections(network.graph, network.shapes, network.image, [network.head.logits])
    assert (len(found.cuts) > 3) == local


def test_graphs_with_control_flow_have_none():
    """Their bodies read tensors of the outer graph that no edge shows."""
    body = """
        a = Conv(image, w) m = ReduceMax <keepdims=0> (a) big = Greater(m, one)
        t = If <then_branch = yes () => (float[N,4,4,4] y) { y = Neg(a) },
                else_branch = no () => (float[N,4,4,4] z) { z = Identity(a) }> (big)
    """
    found = sections(body, w=KERNEL, one=np.array(1.0))
    assert any(n.op_type == "If" for n in found.nodes)
    assert found.cuts == ()


def test_what_is_quantised_may_be_cut_before_it_is_scaled_back():
    body = "a = Conv(image, w) q = QuantizeLinear(a, s, z) t = DequantizeLinear(q, s, z)"
    found = sections(body, w=KERNEL, s=np.array(0.1), z=np.array(3, np.uint8))
    assert [c.tensors for c in found.cuts][1:] == [("q",), ("t",)]


def test_the_first_cut_is_the_picture_and_all_nodes_are_wanted():
    found = sections("t = Conv(image, w) left = Neg(t)", w=KERNEL)
    first = found.cuts[0]
    assert (first.position, first.tensors, first.size) == (0, ("image",), (6, 6))
    assert [n.output for n in found.nodes] == ["t", "scores"]


def rows_that_reach(found, axis):
    """For each tensor, which of its cells change with which line of pixels."""
    image = found.image
    x = np.random.default_rng(1).uniform(0, 1, image.shape).astype(np.float32)
    still = values(found.graph, x)
    reached = {n: [] for n in ("image", "a", "b", "c", "t")}
    for k in range(image.size[axis]):
        changed = x.copy()
        changed[(slice(None),) * (2 + axis) + (k,)] += 1
        now = values(found.graph, changed)
        others = tuple(i for i in range(4) if i != 2 + axis)
        for name, lines in reached.items():
            lines.append((now[name] != still[name]).any(axis=others))
    return {name: np.array(lines) for name, lines in reached.items()}


@pytest.mark.parametrize("axis", [0, 1])
def test_the_cells_that_a_section_needs(axis):
    """Each cell of a target changes with exactly the lines of pixels that are needed."""
    found = chain()
    reached = rows_that_reach(found, axis)
    first, *others = found.cuts
    for stop in others:
        (section,) = found.sections_into(stop, [first])
        assert (section.start, section.stop, section.inputs) == (first, stop, ("image",))
        (target,) = section.targets
        lines = reached[target]
        cells = np.arange(lines.shape[1])
        begin, end = section.needs[axis].of(cells, cells + 1, lines.shape[0])
        for cell in cells:
            seen = np.flatnonzero(lines[:, cell])
            if seen.size:
                assert (begin[cell], end[cell]) == (seen[0], seen[-1] + 1)
    assert [c.tensors for c in others] == [("b",), ("c",), ("t",)]


@pytest.mark.parametrize("axis", [0, 1])
def test_the_cells_that_a_window_reaches(axis):
    found = chain()
    reached = rows_that_reach(found, axis)
    begin = np.arange(found.image.size[axis] - 2)
    cells = found.affected(begin, begin + 3, axis, len(found.nodes))
    assert set(cells) == set(reached)
    for name, (first, last) in cells.items():
        for k in begin:
            seen = np.flatnonzero(reached[name][k : k + 3].any(axis=0))
            if seen.size:
                assert (first[k], last[k]) == (seen[0], seen[-1] + 1)
            assert first[k] < last[k]
    # At an earlier node it ends earlier.
    assert set(found.affected(begin, begin + 3, axis, 1)) == {"image", "a"}


def test_the_share_of_cells_that_windows_reach():
    found = chain()
    windows = np.array([[0, 16], [2, 5], [9, 13]]), np.array([[0, 20], [11, 12], [4, 9]])
    shares = found.share_affected(*windows, len(found.nodes))
    np.testing.assert_allclose(shares["image"], np.mean([1, 3 / 320, 20 / 320]))
    # Rows 2 to 4 are read by the kernels of three around rows 2 and 4, column 11 by three.
    one = found.share_affected(np.array([[2, 5]]), np.array([[11, 12]]), 1)
    np.testing.assert_allclose(one["a"], 2 * 3 / (8 * 20))


def test_strides_within_a_section():
    found = chain()
    first, *_, last = found.cuts
    (section,) = found.sections_into(last, [first])
    assert found.strides_within(section) == {
        "image": (1, 1), "a": (2, 1), "b": (2, 1), "c": (4, 3), "t": (4, 3),
    }  # fmt: skip
    (later,) = found.sections_into(last, [found.cuts[1]])
    assert found.strides_within(later) == {"b": (1, 1), "c": (2, 3), "t": (2, 3)}


def test_a_tensor_that_passes_by_is_no_target():
    found = sections(f"{TWO} t = Add(c, image)", w=RANDOM.normal(size=(3, 3, 3, 3)))
    first, middle, last = found.cuts
    (section,) = found.sections_into(middle, [first])
    assert section.targets == ("b",)
    (section,) = found.sections_into(last, [middle])
    assert set(section.inputs) == {"image", "b"}
    both = list(found.sections_into(last, found.cuts))
    assert sorted(s.start.position for s in both) == [first.position, middle.position]
    # Two kernels of 3 reach two cells to each side, the shortcut none.
    assert {(n.before, n.after) for n in both[-1].needs} == {(2, 2)}


def test_paths_at_different_strides_are_left_out():
    """A path of stride two and one of stride three meet: no single crop serves both."""
    body = """
        a = Conv <strides=[2,2]> (image, w) b = Conv <strides=[3,3], pads=[0,0,1,1]> (image, w)
        t = Add(a, b)
    """
    found = sections(body, image="float[N,3,5,5] image", w=KERNEL[:3])
    assert found.cuts[-1].tensors == ("t",)
    assert list(found.sections_into(found.cuts[-1], found.cuts[:1])) == []
