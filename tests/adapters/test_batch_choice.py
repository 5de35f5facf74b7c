"""Batches of whole inputs: timed on the work itself, bounded by memory; threads and spinning."""

import math
import os

import nets
import numpy as np
import onnxruntime
import pytest
from graphs import build, value_info
from onnx.helper import make_node

import onnxplain
from onnxplain.adapters import batch_choice
from onnxplain.adapters.batch_choice import (
    BatchChoice,
    forward_batch,
    gradient_batch,
    is_work,
    joined,
    require_batch,
)
from onnxplain.errors import UsageError
from onnxplain.graph.budget import Budget, within
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

PICTURE = "examples/digits/3-10.png"


class Clock:
    """Work that costs so many seconds for an input in a batch of that size."""

    def __init__(self, monkeypatch, cost, delays=()):
        self.now, self.cost, self.calls, self.delays = 0.0, cost, [], list(delays)
        monkeypatch.setattr(batch_choice.time, "perf_counter", lambda: self.now)

    def work(self, part):
        size = part.stop - part.start
        self.calls.append(size)
        late = self.delays.pop(0) if self.delays else 1.0
        self.now += self.cost.get(size, 9.0) * size * late
        return {"y": np.arange(part.start, part.stop)}


@pytest.mark.parametrize(
    ("cost", "best", "tried"),
    [
        ({1: 5.0, 2: 4.0, 4: 3.0, 8: 2.0, 16: 2.5}, 8, [1, 2, 4, 8, 16]),
        ({1: 5.0, 2: 4.0, 4: 3.0, 8: 2.0, 16: 1.0}, 16, [1, 2, 4, 8, 16]),
        ({1: 1.0, 2: 1.2}, 1, [1, 2]),  # so much worse: larger ones are not tried
        ({1: 1.0, 2: 1.06, 4: 1.07}, 1, [1, 2, 4]),  # nor after two that are no better
        ({1: 1.0, 2: 1.06, 4: 0.5, 8: 0.7}, 4, [1, 2, 4, 8]),  # one of these is a hill
    ],
)
def test_the_fastest_batch_is_found_on_work_that_is_wanted(monkeypatch, cost, best, tried):
    clock, choice = Clock(monkeypatch, cost), BatchChoice([1, 2, 4, 8, 16])
    assert choice.chosen is None
    parts = list(choice.run(clock.work, 400))
    assert choice.chosen == choice.best == best
    assert choice.seconds == pytest.approx(cost[best])
    assert np.concatenate([v["y"] for _, v in parts]).tolist() == list(range(400))
    assert all(v["y"].tolist() == list(range(p.start, p.stop)) for p, v in parts)
    searched = [size for size in tried for _ in range(clock.calls.count(size)) if size != best]
    assert {size: searched.count(size) for size in tried if size != best}.keys() <= set(tried)
    assert set(clock.calls) - {best, *tried} <= {clock.calls[-1]}
    spent = sum(s for s in clock.calls if s != best)
    assert spent <= 3 * sum(s for s in tried if s != best) + clock.calls[-1]
    clock.calls.clear()
    list(choice.run(clock.work, 2 * best))
    assert clock.calls == [best, best]


def test_a_slightly_faster_larger_batch_is_not_worth_its_memory(monkeypatch):
    clock, choice = Clock(monkeypatch, {4: 1.0, 8: 0.995, 16: 0.992}), BatchChoice([4, 8, 16])
    list(choice.run(clock.work, 240))
    assert choice.chosen == 4


def test_the_first_call_of_a_size_and_a_disturbed_one_do_not_count(monkeypatch):
    """Of the first candidate the second call is late, of the other the first."""
    clock = Clock(monkeypatch, {2: 1.0, 4: 0.9}, delays=[7.0, 5.0, 1.0, 9.0, 1.0])
    choice = BatchChoice([2, 4])
    list(choice.run(clock.work, 60))
    assert clock.calls[:5] == [2, 2, 2, 4, 4]
    assert choice.chosen == 4


def test_a_size_whose_second_call_is_late_gets_another_one(monkeypatch):
    """Memory that is touched for the first time then is no reason against a size."""
    clock = Clock(monkeypatch, {2: 1.0, 4: 0.9}, delays=[1.0, 1.0, 1.0, 9.0, 5.0, 1.0])
    choice = BatchChoice([2, 4])
    list(choice.run(clock.work, 60))
    assert clock.calls[:6] == [2, 2, 2, 4, 4, 4]
    assert choice.chosen == 4


def test_the_search_goes_on_with_the_next_picture(monkeypatch):
    clock, choice = Clock(monkeypatch, {1: 3.0, 2: 2.0, 4: 1.0}), BatchChoice([1, 2, 4])
    for _ in range(3):
        list(choice.run(clock.work, 6))
    assert clock.calls == [1, 1, 1, 2, 1, 2, 4, 4, 2]
    assert choice.chosen == 4


def test_a_single_candidate_is_taken(monkeypatch):
    clock, choice = Clock(monkeypatch, {3: 1.0}), BatchChoice([3])
    assert choice.chosen == choice.most == 3
    list(choice.run(clock.work, 300))
    assert set(clock.calls) == {3}


def test_arrays_are_joined(monkeypatch):
    clock, choice = Clock(monkeypatch, {1: 2.0, 2: 1.0, 4: 3.0}), BatchChoice([1, 2, 4])
    found = joined(choice, clock.work, 33)
    assert found["y"].tolist() == list(range(33))
    assert clock.calls[0] == 2
    assert choice.parts
    assert len(set(clock.calls)) > 1


@pytest.mark.parametrize("loose", [np.float32(3), np.arange(7), np.ones((1, 4))])
def test_what_does_not_hold_the_inputs_is_not_joined(loose):
    """Also what has one entry on its first axis, as batches of one input have."""
    asked, choice = [], BatchChoice([1, 2, 4])

    def work(part):
        asked.append(part)
        return {"y": np.arange(part.start, part.stop), "loose": np.asarray(loose)}

    for _ in range(2):
        assert joined(choice, work, 20)["y"].tolist() == list(range(20))
    assert asked == [slice(0, 2), slice(0, 20), slice(0, 20)]


def test_what_is_worth_timing_is_a_matter_of_operations_not_of_time():
    assert is_work(np.array([5e8 / 32, 1.0]))
    assert not is_work(np.array([1e7]))


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
    assert forward_batch(graph.nodes, shapes, 32) == (1 << 30) // (2 * each) == 8
    assert gradient_batch(graph, shapes, 16) == (2 << 30) // (3 * each) == 11
    small = dict.fromkeys("xaby", (1, 3, 8, 8))
    assert (forward_batch(graph.nodes, small, 32), gradient_batch(graph, small, 16)) == (32, 16)
    middle = dict.fromkeys("xaby", (1, 3, 128, 128))
    # Read and written together, 2 x 4 bytes of each of 3 x 128 x 128 numbers: 393,216 of 2 MiB.
    assert forward_batch(graph.nodes, middle, 32, timed=False) == 5
    assert forward_batch(graph.nodes, middle, 32) == 32
    huge = dict.fromkeys("xaby", (1, 3, 80_000, 80_000))
    assert (forward_batch(graph.nodes, huge, 32), gradient_batch(graph, huge, 16)) == (1, 1)


def test_a_batch_that_was_asked_for_fits_into_memory_or_is_refused():
    """The digits' largest node reads and writes so many numbers, counted by hand below."""
    network = onnxplain.load("models/digits-gap.onnx").network
    each = max(
        sum(
            4 * math.prod(network.shapes[n][1:])
            for n in (*node.inputs, *node.outputs)
            if n in network.shapes
        )
        for node in network.graph.nodes
    )
    with within(Budget(memory_bytes=100 * each)):
        require_batch(network.graph, network.shapes, 100)
        with pytest.raises(UsageError, match=r"batch size 101 is too large: .*; use at most 100"):
            require_batch(network.graph, network.shapes, 101)
        with pytest.raises(UsageError, match=r"batch size 5,000 is too large: .*; use at most 100"):
            onnxplain.load("models/digits-gap.onnx", batch_size=5_000)
        # One picture alone is for other budgets to refuse.
        require_batch(network.graph, dict.fromkeys(network.shapes, (1, 9**9)), 1)


def test_gradients_of_fewer_inputs_than_asked_for_are_said_beside_the_result():
    model = onnxplain.load("models/digits-gap.onnx", batch_size=60)
    graph, shapes = model.network.graph, model.network.shapes
    names = {n for node in graph.nodes for n in node.outputs} - {
        n for n in shapes if graph.is_constant(n)
    }
    kept = sum(4 * math.prod(shapes[n][1:]) for n in names)
    with within(Budget(memory_bytes=40 * kept + 1)):
        found = model.explain(PICTURE, "gradient")
        assert any("60 inputs at a time" in w and "40 at a time" in w for w in found.warnings)
        assert not any("at a time" in w for w in model.explain(PICTURE, "cam").warnings)
    assert not any("at a time" in w for w in model.explain(PICTURE, "gradient").warnings)
