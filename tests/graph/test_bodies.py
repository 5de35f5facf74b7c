"""Graphs inside of nodes."""

from onnxplain.graph.bodies import bodies_of, is_control_flow, nodes_with_bodies
from tests.graph.written import graph

MADE = graph(
    """k = Relu(x)
    y = If(c) <
      then_branch = t () => (float t) {
        t = If(d) <
          then_branch = u () => (float u) { u = Add(k, w) },
          else_branch = v () => (float v) { v = Neg(x) }>
      },
      else_branch = e () => (float e) { f = Neg(k) e = Add(f, f) }>""",
    "float x, bool c, bool d, float w",
)


def test_what_a_body_captures_is_its_input():
    bodies = bodies_of(MADE.nodes[1], MADE)
    assert set(bodies) == {"then_branch", "else_branch"}
    assert [i.name for i in bodies["else_branch"].inputs] == ["k"]
    # What a body inside of a body reads is captured by both.
    assert {i.name for i in bodies["then_branch"].inputs} == {"d", "k", "w", "x"}
    assert bodies["then_branch"].opsets == MADE.opsets
    assert bodies_of(MADE.nodes[0], MADE) == {}


def test_every_node_with_the_graph_that_it_stands_in():
    found = list(nodes_with_bodies(MADE))
    assert [n.output for n, _ in found] == ["k", "y", "t", "u", "v", "f", "e"]
    assert all(node in where.nodes for node, where in found)


def test_control_flow():
    loop, other = graph("y = Loop(n, c, x) z = acme.Loop(x)").nodes
    assert is_control_flow(loop)
    assert not is_control_flow(other)
