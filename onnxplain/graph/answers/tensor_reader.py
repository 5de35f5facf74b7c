"""From what a tensor's elements are to what the tensor answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from onnxplain.graph.answers import doubts
from onnxplain.graph.answers.answer import Answer, TaskName
from onnxplain.graph.answers.batch import BatchAxes
from onnxplain.graph.answers.front import Front
from onnxplain.graph.answers.groups import group_size, softmax_along
from onnxplain.graph.answers.part import LOGARITHMS, PROBABLE, Part, close
from onnxplain.graph.answers.places import View, read_sources
from onnxplain.graph.answers.trace import Tracer
from onnxplain.targets.reading import Activation, Reading

# How exporters name what classes are computed from.
_FEATURES = ("embed", "feature", "latent", "descriptor", "hidden_state", "pooler_output")
# Where a negative number may mean no.
_NEGATIVE_TOO = frozenset("LeakyRelu PRelu Elu Selu Celu Softsign Tanh Erf Atan Log".split())
# What a single Sigmoid is multiplied by when it is still a probability.
_PERCENT, _PIXELS = 100.0, 255.0


class TensorReader:
    """Reads one tensor whose parts are known.

    Parameters
    ----------
    tracer, batches
        Of the graph.
    metadata : mapping of str to str
        Of the model file.
    view_of : callable
        One input's view of a tensor, for a given axis of classes.
    front : Front
        The tensor, and what is selected from it.
    """

    def __init__(
        self,
        tracer: Tracer,
        batches: BatchAxes,
        metadata: Mapping[str, str],
        view_of: Callable[[str, int | None], View | None],
        front: Front,
    ) -> None:
        self.tracer, self.batches, self.metadata = tracer, batches, metadata
        self.front, self.tensor, self.sign = front, front.tensor, front.sign
        parts = tracer.parts(self.tensor)
        self.kinds = {p.kind for p in parts}
        self.along = self._softmax_axes(parts)
        axis = self.along[0] if self.along and len(self.along) == 1 else front.axis
        view = view_of(self.tensor, axis)
        assert view is not None
        several = self.along is not None and len(self.along) > 1
        together = sum(n > 1 for k, n in enumerate(view.full) if k != view.batch_axis)
        self.over_places = several and len(self.along or ()) < together
        self.together = several and not self.over_places
        if self.together:
            view = replace(view, shape=(math.prod(view.shape),), axis=0)
        self.view = view
        taken = [view.part_of(p) for p in parts]
        self.parts = [p for p in taken if p is not None]
        self.count = view.shape[view.axis]
        self.dense = len(view.shape) > 1

    def _softmax_axes(self, parts: tuple[Part, ...]) -> tuple[int, ...] | None:
        """Axes that one Softmax over all elements runs along; empty if it is of another kind."""
        if not self.kinds <= {"softmax", "log-softmax"}:
            return ()
        shapes = self.tracer.shapes
        return softmax_along(shapes, parts, shapes[self.tensor])

    def answer(self) -> Answer:
        """Return what the tensor answers; its name stands for the output's."""
        if self.kinds == {"unit"}:
            if self.dense:
                what = f"{self.parts[0].evidence} at each place"
                return self._made("values", what, doubts.values(self.count, dense=True))
            return self._made("embedding", self.parts[0].evidence)
        if self.kinds <= PROBABLE | LOGARITHMS:
            found = self._probable()
            if found is not None:
                return found
        return self._raw()

    def _made(
        self, task: TaskName, evidence: str, doubt: str = "", logit: Reading | None = None
    ) -> Answer:
        # A number that counts as yes below a limit stays what it is where nothing is chosen.
        chosen = task in ("classes", "labels", "yes-no")
        raw = self.view.whole(scale=self.sign if chosen else 1.0)
        shape, axis = self.view.shape, self.view.axis
        return Answer(self.tensor, task, raw, None, logit, shape, axis, (), evidence, doubt)

    def _probable(self) -> Answer | None:
        softmax = self.kinds <= {"softmax", "log-softmax"}
        probability = self._probability()
        logit = self._logit()
        first = self.parts[0]
        if probability is None:
            return None
        if softmax and group_size(self.tracer.shapes, first) == 1:
            return self._made("unknown", f"{first.evidence} over one number alone: always 1")
        if self.over_places:
            what = f"{first.evidence} over places: each map sums to one"
            return self._made("values", what, doubts.values(self.count, dense=True))
        if not softmax and not self._keeps_range():
            doubt = doubts.scaled(self.count, abs(first.scale))
            scaled = self._made("values", f"{first.evidence} * {abs(first.scale):.6g}", doubt)
            return replace(scaled, declarable=probability)
        task, evidence = self._task(softmax)
        if task == "yes-no" and softmax:
            logit = None  # one class's logit against all others' is not a tensor of the graph
        pair = self._two_sides() if task == "labels" and len(self.view.shape) == 1 else None
        if pair is not None:
            task, logit = "classes", pair
            evidence = f"{first.evidence} and one minus it"
        raw = self.view.whole(scale=self.sign)
        if self.front.selected and self.sign * first.scale < 0:
            logit = logit and replace(logit, scale=-logit.scale)
            if task == "classes":
                return self._made("classes", f"the smallest of {evidence}", doubts.SELECTED, logit)
            probability = raw = replace(probability, scale=-probability.scale, offset=1.0)
        shape, axis = self.view.shape, self.view.axis
        doubt = doubts.TOGETHER if self.together else ""
        return Answer(self.tensor, task, raw, probability, logit, shape, axis, (), evidence, doubt)

    def _task(self, softmax: bool) -> tuple[TaskName, str]:
        first, count = self.parts[0], self.count
        where = " at each place" if len(self.view.shape) > 1 else ""
        what = first.evidence
        if softmax and self.along is not None:
            if count == 1:
                total = group_size(self.tracer.shapes, first)
                return "yes-no", f"one column of {what} over {total} classes{where}"
            return "classes", f"{what} over {count} classes{where}"
        if softmax:
            return "labels", f"{count} numbers of several Softmaxes: each is an answer of its own"
        if count == 1:
            return "yes-no", f"{what} for one number{where}"
        several = "joined heads of Sigmoid or Softmax" if "softmax" in self.kinds else what
        return "labels", f"{several} for each of {count} numbers{where}"

    def _keeps_range(self) -> bool:
        """Whether a Sigmoid's numbers are probabilities, percentages or grey values."""
        scale = abs(self.parts[0].scale)
        if self._smoothed():
            return True
        logarithm = bool(self.kinds & LOGARITHMS)
        return logarithm or any(close(scale, s) for s in (1.0, _PERCENT, _PIXELS))

    def _smoothed(self) -> bool:
        """Whether a share of each probability is spread over all classes, or over yes and no."""
        if not self.kinds <= PROBABLE or any(p.offset <= 0 for p in self.parts):
            return False
        sizes = (
            group_size(self.tracer.shapes, p) if p.kind == "softmax" else 2 for p in self.parts
        )
        pairs = zip(self.parts, sizes, strict=True)
        return all(p.scale > 0 and close(p.scale + n * p.offset, 1.0) for p, n in pairs)

    def _probability(self) -> Reading | None:
        first = self.parts[0]
        if any(not close(p.scale, first.scale) for p in self.parts):
            return None
        shifted = any(not close(p.offset, 0.0) for p in self.parts)
        if self.kinds <= PROBABLE:
            if self._smoothed():
                return self.view.whole()
            if not shifted and first.scale > 0:
                scale = 1.0 if close(first.scale, 1.0) else 1 / first.scale
                return self.view.whole(scale=scale)
            return self._held("none")
        if not self.kinds <= LOGARITHMS:
            return None
        if not shifted and close(first.scale, 1.0):
            return self.view.whole("exp")
        return self._held("exp")

    def _held(self, activation: Activation) -> Reading | None:
        sources = [(p, p.held) for p in self.parts if p.held is not None]
        if len(sources) < len(self.parts):
            return None
        return read_sources(self.tracer, self.batches, self.view, sources, activation)

    def _logit(self) -> Reading | None:
        sources = [(p, p.logit) for p in self.parts if p.logit is not None]
        if len(sources) < len(self.parts):
            return None
        return read_sources(self.tracer, self.batches, self.view, sources)

    def _two_sides(self) -> Reading | None:
        """The logit of p beside 1 - p, if the output holds these two."""
        if len(self.parts) != 2 or self.count != 2:
            return None
        first, second = (p.logit for p in self.parts)
        if first is None or second is None or not first.is_minus(second):
            return None
        single = replace(self.view, shape=(1,), axis=0)
        alone = replace(self.parts[1], slots=None)
        read = read_sources(self.tracer, self.batches, single, [(alone, second)])
        return None if read is None else replace(read, two_sided="logit")

    def _limited(self, logit: Reading, limit: float) -> Answer:
        """Raw numbers that are compared with a limit."""
        evidence = f"compared with {limit:.6g}"
        if self.count > 1:
            return self._made("labels", f"raw numbers {evidence}", doubts.DECIDED, logit)
        if limit == 0:
            return self._made("yes-no", f"a raw number {evidence}", doubts.DECIDED, logit)
        return self._made("values", f"a raw number {evidence}", doubts.one_number(self.dense))

    def _apart(self) -> bool:
        """Whether parts are shifted by different numbers."""
        return any(not close(p.offset, self.parts[0].offset) for p in self.parts)

    def _raw(self) -> Answer:
        count, view, dense = self.count, self.view, self.dense
        first = self.parts[0]
        if len(self.kinds) > 1 and self.kinds != {"raw", "bounded"}:
            return self._made("values", "numbers of several kinds side by side", doubts.MIXED)
        named = count > 1 and any(n in self.tensor.lower() for n in _FEATURES)
        # One number added to all of several scores changes neither their order nor a Softmax.
        moved = not close(first.offset, 0.0) and (
            count == 1 or dense or not close(first.scale, 1.0) or self._apart()
        )
        bounded = first.kind in ("bounded", "tanh") or moved
        if bounded and self.front.axis is None:
            evidence = first.evidence or "constants that scale and shift a raw number"
            if named and not dense:
                return self._made("embedding", f"{evidence}, and its name", doubts.NAMED)
            negative = first.node is not None and first.node.op_type in _NEGATIVE_TOO
            return self._made("values", evidence, doubts.values(count, dense, negative))
        logit = view.whole(scale=self.sign)
        if self.front.limit is not None:
            return self._limited(logit, self.front.limit)
        if count == 1 and len(doubts.names(self.metadata)) == 2:
            found = self._made("yes-no", "one raw number for 2 names", doubts.TWO_NAMES, logit)
            return replace(found, probability=view.whole("sigmoid"))
        if count == 1:
            evidence = f"one raw number{' at each place' if dense else ''}"
            return self._made("values", evidence, doubts.one_number(dense), logit)
        where = " at each place" if dense else ""
        evidence = f"{count} raw numbers{where}, without a final activation"
        if self.front.axis is not None:
            evidence = f"the {'smallest' if self.sign < 0 else 'largest'} of {count} numbers{where}"
            return self._made("classes", evidence, doubts.SELECTED, logit)
        if named:
            task: TaskName = "values" if dense else "embedding"
            return self._made(task, f"{evidence}, and its name", doubts.NAMED)
        return self._made("classes", evidence, doubts.raw_numbers(self.metadata, count), logit)
