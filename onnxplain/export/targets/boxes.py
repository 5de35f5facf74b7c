"""The score of the class of a box, by the box's rank, in nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError
from onnxplain.export.targets.columns import number, write_column_slopes, write_columns
from onnxplain.export.targets.explained import (
    LABEL,
    PREDICTED,
    TARGET,
    Explained,
    Given,
    Pass,
    Score,
    write_wide,
)
from onnxplain.export.targets.ranking import write_ranking
from onnxplain.targets.boxes.layout import BoxLayout, Elements

# Entries of the table of logits, where it is no sum of one part for classes and one for
# candidates.
_LARGEST = 1 << 20


@dataclass(frozen=True, eq=False)
class BoxesExplained(Explained):
    """The logit of a box's class, or its score where the file has no logit.

    Attributes
    ----------
    layout : BoxLayout
        How the numbers of the detector are read.
    unit : str
        See `Explained`.
    """

    layout: BoxLayout
    unit: str = "logit"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors that are read."""
        logits = self.layout.logits
        return tuple(dict.fromkeys((*self.layout.tensors, *(logits.tensors if logits else ()))))

    @property
    def given(self) -> tuple[Given, ...]:
        """The rank of the box, from 0 on; and of which class it is to be, -1 for any."""
        return tuple(
            Given(name, np.array([PREDICTED], np.int64), (f"{name}s",)) for name in (TARGET, LABEL)
        )

    @property
    def one_by_one(self) -> bool:
        """See `Explained`."""
        return self.layout.one_by_one

    @property
    def ranked_by_file(self) -> bool:
        """Whether another box may stand at the same place for another picture."""
        return self.layout.labels is not None and self.layout.logits is None

    def choose(self, at: Pass, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """Write candidate and class of the box, (N,), and NaN where there is none."""
        build = at.build
        ranking = write_ranking(at, self.layout)
        target, label = (
            build.add("Unsqueeze", self._checked(at, inputs[n], n), build.integers(1))
            for n in (TARGET, LABEL)
        )
        any_class = build.add("Less", label, build.integer(0))
        mine = build.add("Or", any_class, build.add("Equal", ranking.labels, label))
        mine = build.add("And", mine, ranking.there)
        counted = build.add("Cast", mine, to=7)
        number_of = build.add("CumSum", counted, build.integer(1))
        wanted = build.add("Add", build.add("Max", target, build.integer(0)), build.integer(1))
        hit = build.add("And", mine, build.add("Equal", number_of, wanted))
        hit = build.add("Cast", hit, to=7)
        # Beside them a last one that is never a box: there may be no candidate at all.
        padded = {
            name: build.add("Pad", tensor, build.integers(0, 0, 0, 1), build.integer(0))
            for name, tensor in (("hit", hit), ("row", ranking.rows), ("label", ranking.labels))
        }
        place = build.add("ArgMax", build.add("Cast", padded["hit"], to=1), axis=1, keepdims=1)
        there = build.reduce("ReduceMax", padded["hit"], [1], keep=False)
        live = build.add("Where", build.add("Greater", there, build.integer(0)),
                         number(at, 1.0), number(at, math.nan))  # fmt: skip
        picked = {
            name: build.add(
                "Squeeze",
                build.add("GatherElements", padded[name], place, axis=1),
                build.integers(1),
            )
            for name in ("row", "label")
        }
        return {**picked, "live": live}

    def score(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        """Write the logit of that candidate's class."""
        if self.layout.logits is None:
            return self._of_scores(at, chosen)
        return self._of_logits(at, self.layout.logits, chosen)

    def _checked(self, at: Pass, given: str, name: str) -> str:
        """Stop the run at an index below -1, or a class that there is not."""
        build = at.build
        wrong = build.add("Less", given, build.integer(PREDICTED))
        if name == LABEL and self.layout.count:
            beyond = build.add("GreaterOrEqual", given, build.integer(self.layout.count))
            wrong = build.add("Or", wrong, beyond)
        zero = build.add("Gather", build.integers(0), build.add("Cast", wrong, to=7))
        return build.add("Add", given, zero)

    def _score_rows(self, at: Pass, label: str) -> str:
        """Write the row of the scores that belongs to a class; see `BoxLayout.score_row`."""
        build, layout = at.build, self.layout
        if layout.labels is not None:
            return build.add("Mul", label, build.integer(0))
        if layout.background is None:
            return label
        later = build.add("GreaterOrEqual", label, build.integer(layout.background))
        return build.add("Add", label, build.add("Cast", later, to=7))

    def _of_scores(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        build = at.build
        scores = write_columns(at, self.layout.scores)
        shape = build.add("Shape", scores)
        hits = []
        for axis, index in ((1, self._score_rows(at, chosen["label"])), (2, chosen["row"])):
            length = build.add("Slice", shape, *map(build.integers, (axis, axis + 1, 0)))
            length = build.add("Squeeze", length, build.integers(0))
            steps = build.add("Range", build.integer(0), length, build.integer(1))
            hit = build.add("Equal", build.add("Unsqueeze", index, build.integers(1)), steps)
            hits.append(build.add("Unsqueeze", hit, build.integers(3 - axis)))
        weights = build.add("Cast", build.add("And", *hits), to=11)
        live = build.add("Unsqueeze", chosen["live"], build.integers(1, 2))
        weights = build.add("Mul", weights, live)
        total = build.reduce("ReduceSum", build.add("Mul", scores, weights), [1, 2], keep=False)
        return Score(total, write_column_slopes(at, self.layout.scores, weights))

    def _of_logits(self, at: Pass, logits: Elements, chosen: Mapping[str, str]) -> Score:
        build = at.build
        row, label = chosen["row"], self._score_rows(at, chosen["label"])
        value, slopes = "", {}
        for k, tensor in enumerate(logits.tensors):
            size = math.prod(_known(at, tensor))
            where = _write_place(at, logits, k, row, label)
            inside = build.add("GreaterOrEqual", where, build.integer(0))
            place = build.add("Max", where, build.integer(0))
            place = build.add("Unsqueeze", place, build.integers(1))
            mine = build.add("Cast", build.add("Unsqueeze", inside, build.integers(1)), to=11)
            mine = build.add("Mul", mine, build.add("Unsqueeze", chosen["live"], build.integers(1)))
            flat = build.add("Cast", at.tensor(tensor), to=11)
            flat = build.add("Reshape", flat, build.integers(-1, size))
            found = build.add("GatherElements", flat, place, axis=1)
            part = build.add("Squeeze", build.add("Mul", found, mine), build.integers(1))
            value = part if not value else build.add("Add", value, part)
            zero = onnx.helper.make_tensor("value", onnx.TensorProto.DOUBLE, [1], [0.0])
            zeros = build.add("ConstantOfShape", build.add("Shape", flat), value=zero)
            back = build.add("ScatterElements", zeros, place, mine, axis=1)
            back = build.add("Reshape", back, build.add("Shape", at.tensor(tensor)))
            slopes[tensor] = write_wide(at, tensor, back)
        return Score(value, slopes)


def require_writable(layout: BoxLayout) -> None:
    """Refuse a detector of which some candidates have logits and others have none.

    Raises
    ------
    MethodRefusedError
        With the way on.
    """
    logits = layout.logits
    if logits is None:
        return
    own = np.arange(len(logits.which)) if layout.labels is None else np.array([0])
    own = own[own != layout.background] if layout.background is not None else own
    if (logits.which[own] < 0).any():
        raise MethodRefusedError(
            "only some of the detector's candidates have a logit that can be traced; use `explain`"
        )


def _write_place(at: Pass, logits: Elements, k: int, row: str, label: str) -> str:
    """Write where in a tensor the logit stands, (N,); negative if it stands in another one."""
    build = at.build
    mine = logits.which == k
    split = _parts(logits.flat, mine)
    if split is not None:
        by_class, by_row = (build.constant(part) for part in split)
        return build.add(
            "Add", build.add("Gather", by_class, label), build.add("Gather", by_row, row)
        )
    if mine.size > _LARGEST:
        raise MethodRefusedError(
            f"the logits of the detector are at {mine.size} places of tensor "
            f"{logits.tensors[k]!r} in no order that can be written down; use `explain`"
        )
    table = build.constant(np.where(mine, logits.flat, -1).reshape(-1).astype(np.int64))
    return build.add(
        "Gather",
        table,
        build.add("Add", build.add("Mul", label, build.integer(mine.shape[1])), row),
    )


def _parts(
    flat: NDArray[np.int64], mine: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Split places into a part for each class and one for each candidate, if they are sums."""
    classes, rows = (np.asarray(mine.any(axis=axis)) for axis in (1, 0))
    if not np.array_equal(mine, classes[:, None] & rows):
        return None
    first, second = int(classes.argmax()), int(rows.argmax())
    outside = -(2**40)  # less than what any sum makes up for
    by_class = np.where(classes, flat[:, second] - flat[first, second], outside)
    by_row = np.where(rows, flat[first], outside)
    if not np.array_equal((by_class[:, None] + by_row)[mine], flat[mine]):
        return None
    return by_class.astype(np.int64), by_row.astype(np.int64)


def _known(at: Pass, tensor: str) -> list[int]:
    """Shape of one input's value."""
    lengths = at.facts.shapes[tensor][1:]
    if any(d is None for d in lengths):
        raise MethodRefusedError(
            f"the logits are in tensor {tensor!r}, whose length depends on the picture; use "
            "`explain`"
        )
    return [d for d in lengths if d is not None]
