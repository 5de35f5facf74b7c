"""One session for each section of a plan, and one for the rest of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.incremental.plan import Part, Plan
from onnxplain.adapters.incremental.submodel import Submodel, extract
from onnxplain.adapters.rerun import Open, Session
from onnxplain.graph.sections import Sections

Array = NDArray[Any]
# Where a part begins and ends.
_Key = tuple[int, int]


class Sessions:
    """The sessions of a plan's sections and of its rest, opened once and kept.

    Parameters
    ----------
    sections : Sections
        The graph.
    open_session : callable
        See `Open`.
    bound : mapping of str to array
        Values of the model's other inputs.
    """

    def __init__(
        self,
        sections: Sections,
        open_session: Open,
        bound: Mapping[str, Array],
    ) -> None:
        self._sections, self._bound = sections, bound
        self._open = open_session
        self._opening = Lock()
        self._kept: dict[_Key, tuple[Submodel, Session]] = {}
        self._strides: dict[_Key, Mapping[str, tuple[int, int]]] = {}

    def keep_only(self, plan: Plan) -> None:
        """Close what a plan does not use."""
        used = {_key(p) for p in plan.parts} | {self._rest_key(plan)}
        self._kept = {k: v for k, v in self._kept.items() if k in used}

    def run_section(self, part: Part, crops: Mapping[str, Array]) -> dict[str, Array]:
        """Compute a section's targets on crops of its inputs."""
        section = part.section
        names, pads = (section.inputs, section.targets), section.unpadded is None
        model, session = self._get(_key(part), *names, crops=True, pads=pads)
        batch = next(iter(crops.values()))
        grid = self._sections.local.grids[section.inputs[0]]
        size = [batch.shape[a] for a in grid.axes]
        feeds = {**crops, **self._target_shapes(model, part, len(batch), size)}
        return self._run(model, session, feeds, len(batch))

    def run_rest(self, plan: Plan, whole: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the wanted tensors from the whole tensors of the last cut."""
        tensors = plan.rest.tensors
        names = [n for n in self._sections.names if n not in tensors]
        found = {n: whole[n] for n in self._sections.names if n in tensors}
        if not names:
            return found
        model, session = self._get(self._rest_key(plan), tensors, names, crops=False)
        return found | self._run(model, session, dict(whole), len(next(iter(whole.values()))))

    def _run(
        self, model: Submodel, session: Session, feeds: dict[str, Array], batch: int
    ) -> dict[str, Array]:
        feeds |= {n: self._bound[n] for n in model.bound}
        for name, node in model.measured.items():
            shape = np.array((batch, *self._sections.shapes[node.inputs[0]][1:]), np.int64)
            begin, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
            feeds[name] = shape[begin:end]
        return dict(zip(model.outputs, session(feeds), strict=True))

    def _target_shapes(
        self, model: Submodel, part: Part, batch: int, size: Sequence[int]
    ) -> dict[str, Array]:
        """Target shapes of all Reshape nodes when the section's inputs are crops of that size."""
        if not model.reshapes:
            return {}
        key = _key(part)
        if key not in self._strides:
            self._strides[key] = self._sections.strides_within(part.section)
        strides, shapes = self._strides[key], {}
        for name, tensor in model.reshapes.items():
            grid, whole = self._sections.local.grids[tensor], part.section.start.size
            shape = [batch, *self._sections.shapes[tensor][1:]]
            for k in (0, 1):
                # Crops are as long as the whole modulo the stride, so this divides evenly.
                shape[grid.axes[k]] = grid.size[k] - (whole[k] - size[k]) // strides[tensor][k]
            shapes[name] = np.array(shape, np.int64)
        return shapes

    def _get(
        self,
        key: _Key,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        crops: bool,
        pads: bool = True,
    ) -> tuple[Submodel, Session]:
        with self._opening:  # calls that run side by side ask for the same one
            if key not in self._kept:
                model = extract(self._sections, inputs, outputs, crops=crops, pads=pads)
                self._kept[key] = (model, self._open(model.file, model.weights))
            return self._kept[key]

    def _rest_key(self, plan: Plan) -> _Key:
        return plan.rest.position, len(self._sections.nodes) + 1


def _key(part: Part) -> _Key:
    return part.section.start.position, part.section.stop.position
