"""Choose between incremental and whole inputs, check the choice, and record why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.batch_choice import BatchChoice, is_work
from onnxplain.adapters.changes import Block, Engine, WindowChanges, WindowRun
from onnxplain.adapters.incremental.costs import arithmetic, estimated_seconds
from onnxplain.adapters.incremental.execute import Run, ShapesDifferError
from onnxplain.adapters.incremental.pieces import Layout
from onnxplain.adapters.incremental.plan import Plan, Planner, Positions
from onnxplain.adapters.incremental.sessions import Sessions
from onnxplain.adapters.incremental.work import Services, Work, filled
from onnxplain.adapters.side_by_side import ONE_BY_ONE
from onnxplain.errors import UnsupportedModelError, UsageError
from onnxplain.graph.quantised import rounds_values
from onnxplain.graph.sections import Cut

T = TypeVar("T")
Array = NDArray[Any]
# Windows as bytes, and whether sections are forced.
_Asked = tuple[bytes, bool]
# Predicted gain below which whole inputs are run, and the gain in operations below which
# profiling is not worth its time.
GAIN, GAIN_IN_OPERATIONS = 1.15, 1.25
# Fewer windows do not earn back what profiling, planning and opening sessions cost.
FEW_WINDOWS = 64
# The same for seconds of one core by estimate, of small networks and of those that are profiled.
FEW_SECONDS, FEW_PROFILED_SECONDS = 0.01, 0.05
# Inputs in each of the profiled calls; whole inputs that are compared with what sections give.
PROFILED, CALLS, COMPARED = 2, 3, 2
# Relative difference that summing in another order may make; measured is 1e-6.
ROUNDING = 1e-4
# Whole inputs in one call, before that is measured.
_USUAL_BATCH = 8
# Plans kept: one for each set of windows in use.
_KEPT_PLANS = 4
# Sections are kept for other windows if that costs no more than this times the best plan.
_REALLY_BETTER = 1.05


class WindowEngine:
    """Evaluates windows, and keeps what can be kept between pictures.

    Parameters
    ----------
    services : Services
        The adapter's side.
    spatial : (int, int)
        Axes of height and width in one input.
    """

    def __init__(self, services: Services, spatial: tuple[int, int]) -> None:
        self._services, self._spatial = services, spatial
        self._known: dict[tuple[str, ...], _NamedTensors] = {}

    def run(
        self, base: Array, changes: WindowChanges, names: Sequence[str], engine: Engine
    ) -> WindowRun:
        """Return a run in the faster way, or in the one that was asked for.

        Parameters
        ----------
        base, changes, names, engine
            As for `Adapter.windowed`. ``incremental`` leaves out the questions of speed,
            not those of exactness.

        Raises
        ------
        UsageError
            If ``incremental`` was asked for and is not possible.
        """
        key = tuple(dict.fromkeys(names))
        work = Work(self._services, base, changes, key, self._spatial)
        if engine == "brute-force":
            return work.whole("asked for")
        if self._services.obstacle and engine == "auto":
            return work.whole(self._services.obstacle)
        if self._services.wrong:
            run = work.whole(self._services.wrong)
        else:
            if key not in self._known:
                self._known[key] = _NamedTensors(self._services, key)
            run = self._known[key].run(work, forced=engine == "incremental")
        if engine == "incremental" and run.engine["name"] != engine:
            raise UsageError(
                f"the incremental engine cannot run: {run.engine['because']}; use engine=auto"
            )
        return run


class _NamedTensors:
    """What is known about one set of tensors that are asked for."""

    def __init__(self, services: Services, names: tuple[str, ...]) -> None:
        self._services, self._names = services, names
        self._sections = services.sections(names)
        self._sessions = Sessions(self._sections, services.open_session, services.bound)
        self._exact = rounds_values(self._sections.graph)
        self._seconds: NDArray[np.float64] | None = None
        self._obstacles: dict[_Asked, str] = {}
        self._plans: dict[_Asked, _Choice] = {}
        self._batches: dict[int, BatchChoice] = {}

    def run(self, work: Work, *, forced: bool) -> WindowRun:
        asked = np.ascontiguousarray(work.changes.windows).tobytes(), forced
        if asked not in self._obstacles:
            _keep(self._obstacles, asked, self._obstacle(work.changes, forced))
        if obstacle := self._obstacles[asked]:
            return work.whole(obstacle)
        if self._seconds is None:
            # A small network has the same plan each time, and so the same bits.
            self._seconds = self._estimate if self._small else self._profile(work)
        choice = self._choice(work, asked)
        plan = choice.plan
        if not plan.parts or (plan.gain < GAIN and not forced):
            return work.whole(f"predicted gain {plan.gain:.2f} is below {GAIN}")
        if choice.difference is None:
            try:
                choice.difference = self._compare(work, choice)
            except (ShapesDifferError, UnsupportedModelError) as error:
                return work.whole(str(error))
        if choice.difference > (0.0 if self._exact else ROUNDING):
            return work.whole(f"sections differ from the whole by {choice.difference:.1g}")
        self._sessions.keep_only(plan)
        record = {
            "name": "incremental",
            "predicted_gain": round(plan.gain, 2),
            "sections": [list(p.section.targets) for p in plan.parts],
            "difference": choice.difference,
            "batch": self._rests(choice.plan).best,
        }
        return WindowRun(record, chain(work.done, self._blocks(work, choice)))

    def _blocks(self, work: Work, choice: _Choice) -> Iterator[Block]:
        yield from self._start(work, choice).blocks(work.changes, work.left)

    def _start(self, work: Work, choice: _Choice, *, compared: bool = False) -> Run:
        # What fits one input only would be repeated for it: several are compared in one call.
        batch = BatchChoice([COMPARED]) if compared else self._rests(choice.plan)
        return Run(
            self._sections,
            self._laid_out(choice),
            self._sessions,
            work.base,
            batch,
            fixed=self._services.fixed,
            side=ONE_BY_ONE if compared else self._services.side,
        )

    def _laid_out(self, choice: _Choice) -> Layout:
        if choice.layout is None:
            choice.layout = Layout.of(choice.plan, choice.positions, self._sections)
        return choice.layout

    def _rests(self, plan: Plan) -> BatchChoice:
        """How many windows at a time go through what follows the sections."""
        position = plan.rest.position
        if position not in self._batches:
            kind = ("after", str(position), *self._names)
            nodes = self._sections.nodes[position:]
            self._batches[position] = self._services.batch_after(kind, nodes)
        return self._batches[position]

    def _obstacle(self, changes: WindowChanges, forced: bool) -> str:
        cuts = self._cuts
        if len(cuts) < 2:
            return "no part of the model is local"
        if forced:
            return ""
        if len(changes) < FEW_WINDOWS:
            return f"fewer than {FEW_WINDOWS} windows"
        few = FEW_SECONDS if self._small else FEW_PROFILED_SECONDS
        if self._estimate.sum() * len(changes) < few:
            return "too little work for planning"
        gain = self._gain_in_operations(changes)
        if gain < GAIN_IN_OPERATIONS:
            return f"windows leave out too little: {gain:.2f} times fewer operations at best"
        return ""

    @cached_property
    def _cuts(self) -> list[Cut]:
        """Cuts at which values may be handed over without a change of the result.

        Where activations are rounded, ONNX Runtime computes from one rounding to the next
        in integers; other cuts would have it compute in floats.
        """
        cuts = self._sections.cuts
        if not self._exact:
            return list(cuts)
        grids = self._sections.local.grids
        return [
            c for c in cuts if not c.position or all(grids[t].dtype.kind in "iu" for t in c.tensors)
        ]

    @cached_property
    def _operations(self) -> NDArray[np.float64]:
        sections = self._sections
        return arithmetic(sections.graph, sections.nodes, sections.shapes)

    @cached_property
    def _small(self) -> bool:
        return not is_work(self._operations)

    @cached_property
    def _estimate(self) -> NDArray[np.float64]:
        sections = self._sections
        return estimated_seconds(sections.graph, sections.nodes, sections.shapes)

    def _gain_in_operations(self, changes: WindowChanges) -> float:
        sections, windows = self._sections, np.asarray(changes.windows)
        shares = sections.share_affected(windows[:, :2], windows[:, 2:], self._cuts[-1].position)
        left = sum(
            w * max((shares.get(o, 1.0) for o in n.outputs if o), default=1.0)
            for w, n in zip(self._operations, sections.nodes, strict=True)
        )
        return float(self._operations.sum() / left)

    def _profile(self, work: Work) -> NDArray[np.float64]:
        """Run some windows as whole inputs, spread over all, and time every node."""
        size = self._services.fixed or PROFILED
        count = min(size * CALLS, len(work.changes))
        spread = np.unique(np.linspace(0, len(work.changes) - 1, count).astype(np.int64))
        batches = [spread[k::CALLS] for k in range(min(CALLS, count))]
        inputs = [filled(work.inputs(b.tolist()), size) for b in batches]
        found, seconds = self._services.profile(inputs, self._sections)
        for indices, values in zip(batches, found, strict=True):
            work.done.append((indices, {n: v[: len(indices)] for n, v in values.items()}))
        return seconds

    def _choice(self, work: Work, asked: _Asked) -> _Choice:
        _, forced = asked
        if asked not in self._plans:
            assert self._seconds is not None
            whole = self._services.batch(("forward", *self._names))
            batch = self._services.fixed or whole.chosen or min(_USUAL_BATCH, whole.most)
            positions = Positions.of(np.asarray(work.changes.windows))
            planner = Planner(self._sections, self._cuts, positions, self._seconds, batch)
            best = _Choice(positions, planner.best(forced=forced))
            _keep(self._plans, asked, self._steady(planner, best))
        return self._plans[asked]

    def _steady(self, planner: Planner, choice: _Choice) -> _Choice:
        """Keep the sections of the plan before, unless another one is really better.

        Who asks for other windows every time would open sessions and compare every time.
        """
        before = next(reversed(self._plans.values()), None)
        if before is None or not before.plan.parts:
            return choice
        same = planner.along(before.plan.cuts)
        if same is None or same.seconds_when_open > _REALLY_BETTER * choice.plan.seconds:
            return choice
        return _Choice(choice.positions, same, before.difference)

    def _compare(self, work: Work, choice: _Choice) -> float:
        """Largest relative difference between sections and whole inputs, on a few windows."""
        if work.done:
            indices, whole = work.done[-1]
        else:
            # Not handed over: a map has the same bits, whether it is the first one or not.
            indices = np.unique(np.linspace(0, len(work.changes) - 1, COMPARED).astype(np.int64))
            whole = self._services.forward(work.inputs(indices.tolist()), work.names)
        few = np.linspace(0, len(indices) - 1, min(COMPARED, len(indices))).astype(np.int64)
        indices, whole = indices[few], {n: v[few] for n, v in whole.items()}
        started = self._start(work, choice, compared=True)
        try:
            blocks = list(started.some(work.changes, indices.tolist()))
        except ValueError:  # pieces that do not even fit into each other
            return np.inf
        differences = []
        for name, expected in whole.items():
            found = np.concatenate([v[name] for _, v in blocks]).astype(np.float64)
            scale = float(np.abs(expected).max(initial=0.0)) or 1.0
            difference = np.abs(found - expected.astype(np.float64)).max(initial=0.0) / scale
            differences.append(float(difference) if np.isfinite(difference) else np.inf)
        return max(differences)


def _keep(known: dict[_Asked, T], asked: _Asked, value: T) -> None:
    """Keep what is known of the windows that were asked for last."""
    if len(known) >= _KEPT_PLANS:
        del known[next(iter(known))]
    known[asked] = value


@dataclass
class _Choice:
    """A plan for one set of windows, and how well it was found to agree with whole inputs."""

    positions: Positions
    plan: Plan
    difference: float | None = None
    layout: Layout | None = None
