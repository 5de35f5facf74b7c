"""A plan carried out: every window's tensors are those that NumPy gives for its whole input."""

import numpy as np
import pytest
from adapters.incremental.exact import WINDOWS, case, tensors

from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.incremental import execute
from onnxplain.adapters.incremental.execute import Run, ShapesDifferError
from onnxplain.adapters.incremental.pieces import Layout
from onnxplain.adapters.incremental.sessions import Sessions
from onnxplain.adapters.side_by_side import SideBySide

NAMES = ("scores", "d")


class Recording(Sessions):
    """Keeps the shapes of what sections and the rest are given."""

    def __init__(self, made):
        super().__init__(made.sections, made.network.ort._open_part, {})
        self.crops, self.rests = [], []

    def run_section(self, part, crops):
        self.crops.append({n: v.shape for n, v in crops.items()})
        return super().run_section(part, crops)

    def run_rest(self, plan, whole):
        self.rests.append(len(next(iter(whole.values()))))
        return super().run_rest(plan, whole)


def started(made, cuts, batch=2, **options):
    sessions = Recording(made)
    plan = made.planner.along([made.cuts[k] for k in cuts])
    layout = Layout.of(plan, made.positions, made.sections)
    run = Run(made.sections, layout, sessions, made.x, BatchChoice([batch]), **options)
    return run, sessions


def wanted(made, indices):
    return tensors(changed_inputs(made.x, made.changes, indices, (1, 2)))


@pytest.mark.parametrize("share", [1, 2, 100])
def test_shares_of_the_windows_run_side_by_side(share, monkeypatch):
    """In order, each with the bits that it has when all run one after the other."""
    monkeypatch.setattr(execute, "_SHARE", share)
    monkeypatch.setattr(execute, "_SHARE_SECONDS", 0)
    made, indices = case(names=NAMES), [4, 0, 2, 3, 1]
    alone, _ = started(made, (0, 1, 2))
    beside, sessions = started(made, (0, 1, 2), side=SideBySide(2))
    expected, found = (list(r.blocks(made.changes, indices)) for r in (alone, beside))
    assert np.concatenate([i for i, _ in found]).tolist() == indices
    assert max(len(i) for i, _ in found) <= min(share, 3)
    for name in NAMES:
        one, other = (np.concatenate([v[name] for _, v in b]) for b in (expected, found))
        np.testing.assert_array_equal(one, other)
    assert sum(sessions.rests) == len(indices)


@pytest.mark.parametrize("cuts", [(0, 1), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("indices", [[0, 1, 2, 3, 4], [3], [4, 0, 2]])
def test_every_window_has_the_tensors_of_its_whole_input(cuts, indices):
    made = case(names=NAMES)
    run, _ = started(made, cuts)
    blocks = list(run.blocks(made.changes, indices))
    assert np.concatenate([i for i, _ in blocks]).tolist() == indices
    whole = wanted(made, indices)
    for name in NAMES:
        found = np.concatenate([values[name] for _, values in blocks])
        np.testing.assert_array_equal(found, whole[name])
    unchanged = tensors(made.x[None])["d"]
    assert (whole["d"] != unchanged).any(axis=(1, 2, 3)).all()


def test_sections_see_crops_and_the_rest_sees_batches():
    made = case(names=NAMES)
    run, sessions = started(made, (0, 1, 2))
    sessions.crops.clear()  # of the unchanged input, which is run once
    list(run.blocks(made.changes, [1, 3, 4]))
    sizes = [shape[2:] for crops in sessions.crops for shape in crops.values()]
    assert all(high < 12 and wide < 12 for high, wide in sizes)
    assert sessions.rests == [2, 1]


def test_a_fixed_batch_is_filled_up():
    made = case(names=NAMES)
    run, sessions = started(made, (0, 2), batch=4, fixed=4)
    blocks = list(run.blocks(made.changes, range(5)))
    assert sessions.rests == [4, 4]
    assert [len(values["scores"]) for _, values in blocks] == [4, 1]
    found = np.concatenate([values["scores"] for _, values in blocks])
    np.testing.assert_array_equal(found, wanted(made, range(5))["scores"])


def test_crops_of_one_size_run_together_but_not_too_many(monkeypatch):
    monkeypatch.setattr(execute, "crops_at_once", lambda *asked: 3)
    made = case()
    windows = np.repeat(WINDOWS[1:2], 7, axis=0)
    changes = WindowChanges(windows, lambda k: np.full((3, 1, 2), float(k), np.float32))
    made.changes = changes
    made.positions = made.positions.of(windows)
    made.planner._positions = made.positions
    run, sessions = started(made, (0, 2))
    sessions.crops.clear()
    blocks = list(run.blocks(changes, range(7)))
    assert [crops["image"][0] for crops in sessions.crops] == [3, 3, 1]
    found = np.concatenate([values["scores"] for _, values in blocks])
    np.testing.assert_array_equal(found, wanted(made, range(7))["scores"])


@pytest.mark.parametrize(("room", "sizes"), [(1, [2, 2, 1]), (1 << 28, [5])])
def test_states_of_few_windows_are_alive_at_a_time(monkeypatch, room, sizes):
    monkeypatch.setattr(execute, "_STATES", room)
    made = case()
    run, _ = started(made, (0, 1, 2))
    asked = []
    some = Run.some
    monkeypatch.setattr(Run, "some", lambda s, c, i: asked.append(len(i)) or some(s, c, i))
    list(run.blocks(made.changes, range(5)))
    assert asked == sizes


def test_shapes_that_are_not_those_of_the_plan_are_not_trusted():
    made = case()
    sections = made.sections
    sections.shapes = {**sections.shapes, "d": (1, 5, 6, 7)}
    with pytest.raises(ShapesDifferError, match="'d' has another shape than ONNX infers"):
        started(made, (0, 2))
