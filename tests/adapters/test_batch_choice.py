"""Batches of whole inputs: timed on the work itself, bounded by memory; threads and spinning."""

import os

import nets
import numpy as np
import onnxruntime
import pytest
from graphs import build, value_info
from onnx.helper import make_node

from onnxplain.adapters import batch_choice
from onnxplain.adapters.batch_choice import BatchChoice, candidates, forward_batch, gradient_batch
from onnxplain.errors import UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network


class Clock:
    """Work that costs so many seconds for an input in a batch of that size."""

    def __init__(self, monkeypatch, cost):
        self.now, self.cost, self.calls = 0.0, cost, []
        monkeypatch.setattr(batch_choice.time, "perf_counter", lambda: self.now)

    def work(self, indices):
        self.calls.append(len(indices))
        self.now += self.cost[len(indices)] * len(indices)
        return {"y": np.array(indices)}


@pytest.mark.parametrize(
    ("cost", "best", "tried"),
    [
        ({4: 3.0, 8: 2.0, 16: 2.5}, 8, [4, 8, 16]),
        ({4: 3.0, 8: 2.0, 16: 1.0}, 16, [4, 8, 16]),
        ({4: 1.0, 8: 1.2}, 4, [4, 8]),  # larger ones are not tried
    ],
)
def test_the_fastest_batch_is_found_on_work_that_is_wanted(monkeypatch, cost, best, tried):
    clock, choice = Clock(monkeypatch, cost), BatchChoice([4, 8, 16])
    count = 56 + 5 * best * 16
    blocks = list(choice.run(clock.work, range(count)))
    assert choice.chosen == best
    assert np.concatenate([i for i, _ in blocks]).tolist() == list(range(count))
    assert all((v["y"] == i).all() for i, v in blocks)
    calls = 2 * len(tried)
    assert clock.calls[:calls] == np.repeat(tried, 2).tolist()
    assert set(clock.calls[calls:]) == {best}
    clock.calls.clear()
    list(choice.run(clock.work, range(2 * best)))
    assert clock.calls == [best, best]


def test_a_slightly_faster_larger_batch_is_not_worth_its_memory(monkeypatch):
    clock, choice = Clock(monkeypatch, {4: 1.0, 8: 0.98, 16: 0.99}), BatchChoice([4, 8, 16])
    list(choice.run(clock.work, range(240)))
    assert choice.chosen == 4


def test_little_work_is_not_timed(monkeypatch):
    clock, choice = Clock(monkeypatch, {4: 1.0, 2: 1.0}), BatchChoice([4, 8, 16])
    list(choice.run(clock.work, range(10)))
    assert clock.calls == [4, 4, 2]
    assert choice.chosen is None


def test_a_single_map_is_not_timed_but_a_second_one_is(monkeypatch):
    clock, choice = Clock(monkeypatch, {4: 2.0, 8: 1.0, 16: 3.0}), BatchChoice([4, 8, 16])
    list(choice.run(clock.work, range(196)))
    assert set(clock.calls) == {4}
    list(choice.run(clock.work, range(192)))
    assert choice.chosen == 8


def test_a_single_candidate_is_taken(monkeypatch):
    clock, choice = Clock(monkeypatch, {3: 1.0}), BatchChoice([3])
    list(choice.run(clock.work, range(300)))
    assert set(clock.calls) == {3}


def test_memory_bounds_the_batch(monkeypatch):
    network = Network(prepare(nets.exported("vgg").proto), device="cpu")
    graph, shapes = network.graph, network.shapes
    assert candidates(graph, shapes, (4, 8, 16)) == [4, 8, 16]
    largest = max(
        sum(4 * np.prod(shapes[t][1:]) for t in (*n.inputs, *n.outputs) if t in shapes)
        for n in graph.nodes
    )
    monkeypatch.setattr(batch_choice, "_MEMORY", int(8 * largest))
    assert candidates(graph, shapes, (4, 8, 16)) == [4, 8]
    monkeypatch.setattr(batch_choice, "_MEMORY", 1)
    assert candidates(graph, shapes, (4, 8, 16)) == [4]


@pytest.fixture
def options(monkeypatch):
    """Options of every session that is constructed."""
    seen, original = [], onnxruntime.InferenceSession

    def watching(file, options, **more):
        seen.append(options)
        return original(file, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", watching)
    return seen


@pytest.mark.parametrize(("load", "spins"), [(0.0, True), (1e6, False)])
def test_threads_do_not_spin_on_a_busy_machine(monkeypatch, options, load, spins):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    _ = Network(prepare(nets.exported("vgg").proto), device="cpu", threads=3).ort
    assert options[0].intra_op_num_threads == 3
    key = "session.intra_op.allow_spinning"
    if spins:
        with pytest.raises(RuntimeError):
            options[0].get_session_config_entry(key)
    else:
        assert options[0].get_session_config_entry(key) == "0"


def test_threads_spin_briefly_after_a_run(options):
    """Each session has threads; those of one must not take the time of the next one's."""
    _ = Network(prepare(nets.exported("vgg").proto), device="cpu").ort
    spins = int(options[0].get_session_config_entry("session.intra_op.spin_duration_us"))
    assert 0 < spins <= 5000


def test_threads_are_left_to_onnx_runtime(options, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # see `conftest`
    _ = Network(prepare(nets.exported("vgg").proto), device="cpu").ort
    assert options[0].intra_op_num_threads == 0
    with pytest.raises(UsageError, match="threads must be 1 or more, not 0"):
        Network(prepare(nets.exported("vgg").proto), threads=0)


def test_batches_of_large_activations_are_small():
    """Of 3 tensors of 60 MB an input, forward passes hold two at a time, gradients all."""
    nodes = [
        make_node("Relu", ["x"], ["a"]),
        make_node("Sigmoid", ["a"], ["b"]),
        make_node("Neg", ["b"], ["y"]),
    ]
    side = 2236  # 3 x 2236 x 2236 x 4 bytes
    shape = [1, 3, side, side]
    model = build(nodes, [value_info("y", shape)], inputs=[value_info("x", ["N", *shape[1:]])])
    graph, each = prepare(model), 3 * side * side * 4
    shapes = dict.fromkeys("xaby", tuple(shape))
    assert forward_batch(graph, shapes, 32) == (1 << 30) // (2 * each) == 8
    assert gradient_batch(graph, shapes, 16) == (2 << 30) // (3 * each) == 11
    small = dict.fromkeys("xaby", (1, 3, 8, 8))
    assert (forward_batch(graph, small, 32), gradient_batch(graph, small, 16)) == (32, 16)
    huge = dict.fromkeys("xaby", (1, 3, 80_000, 80_000))
    assert (forward_batch(graph, huge, 32), gradient_batch(graph, huge, 16)) == (1, 1)
