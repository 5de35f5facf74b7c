"""Classes and values: a score, less another one, at one place or over a region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from onnxplain.export.targets.explained import (
    CONTRAST,
    NONE,
    OTHERS,
    PREDICTED,
    REGION,
    RIVAL,
    TARGET,
    Explained,
    Given,
    Pass,
    Score,
    write_cast,
    write_index,
    write_one_hot,
)
from onnxplain.export.targets.reading import real_of, write_scores, write_slopes
from onnxplain.export.targets.region import region_input, write_shares
from onnxplain.targets.reading import Reading

# Activations that leave the largest score the largest.
_KEEP_ORDER = ("softmax", "exp")


@dataclass(frozen=True, eq=False)
class ClassesExplained(Explained):
    """The score of a class.

    Attributes
    ----------
    reading : Reading
        How the explained scores are read.
    ranking : Reading
        How the scores are read by which classes are ranked.
    count : int
        Number of classes, both sides of a yes/no answer.
    places : tuple of int
        Lengths of the axes of places; empty if the answer is no dense one.
    unit : str
        See `Explained`.
    contrast : int
        What the class is held against unless a file is told otherwise.
    """

    reading: Reading
    ranking: Reading
    count: int
    places: tuple[int, ...]
    unit: str = "logit"
    contrast: int = NONE

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors that are read."""
        return tuple(dict.fromkeys((*self.reading.tensors, *self.ranking.tensors)))

    @property
    def given(self) -> tuple[Given, ...]:
        """The class, the one that it is held against, and of a dense answer the places."""
        plain = (_index_input(TARGET, PREDICTED), _index_input(CONTRAST, self.contrast))
        return (*plain, region_input(self.places)) if self.places else plain

    def choose(self, at: Pass, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """Write the class as (N, K) of zeros and ones, and what each place counts."""
        build, real = at.build, real_of(at.facts, self.reading)
        winners, ranked = self._ranked(at)
        contrast = inputs[CONTRAST]
        # What a person holds the prediction against is not the prediction.
        against = build.add("Equal", build.add("Unsqueeze", contrast, build.integers(1)),
                            build.constant(np.arange(self.count)))  # fmt: skip
        lowest = build.add("CastLike", build.number(-math.inf), ranked)
        top = build.add("ArgMax", build.add("Where", against, lowest, ranked), axis=1, keepdims=0)
        index = write_index(build, inputs[TARGET], top, top, self.count)
        chosen = {
            TARGET: write_one_hot(build, index, self.count, real),
            CONTRAST: contrast,
            "index": index,
        }
        if self.places:
            here = build.add("Equal", winners, build.add("Unsqueeze", index, build.integers(1)))
            own = build.add("Unsqueeze", write_cast(build, here, real), build.integers(1))
            chosen[REGION] = write_shares(at, inputs[REGION], own, self.places, real)
        return chosen

    def score(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        """Write the class's score, less that of the one it is held against."""
        build, real = at.build, real_of(at.facts, self.reading)
        shares = chosen.get(REGION)
        whole = write_mean(at, write_scores(at, self.reading, real), shares)
        counts = self._counts(at, whole, chosen)
        value = build.reduce("ReduceSum", build.add("Mul", whole, counts), [1], keep=False)
        weights = write_spread(at, counts, shares)
        return Score(value, write_slopes(at, self.reading, weights, real))

    def _ranked(self, at: Pass) -> tuple[str, str]:
        """Write which class wins at each place, (N, M), and by what classes are ranked, (N, K)."""
        build, reading = at.build, self.ranking
        if reading.activation in _KEEP_ORDER and not reading.two_sided:
            reading = replace(reading, activation="none")
        real = real_of(at.facts, reading)
        scores = write_scores(at, reading, real)
        if not self.places:
            return "", build.add("Squeeze", scores, build.integers(2))
        winners = build.add("ArgMax", scores, axis=1, keepdims=0)
        column = build.constant(np.arange(self.count).reshape(1, -1, 1))
        hits = build.add("Equal", build.add("Unsqueeze", winners, build.integers(1)), column)
        area = build.reduce("ReduceSum", write_cast(build, hits, np.dtype(np.float32)), [2])
        return winners, build.add("Squeeze", area, build.integers(2))

    def _counts(self, at: Pass, whole: str, chosen: Mapping[str, str]) -> str:
        """Write what each score counts, (N, K)."""
        build, real = at.build, real_of(at.facts, self.reading)
        one, contrast, index = chosen[TARGET], chosen[CONTRAST], chosen["index"]
        lowest = build.constant(np.asarray(-math.inf, real))
        others = build.add("Where", write_cast(build, one, np.dtype(bool)), lowest, whole)
        rival = build.add("ArgMax", others, axis=1, keepdims=0)
        # A class against itself is not an index: the run stops.
        itself = build.add("Equal", contrast, index)
        against = build.add("Where", itself, build.integer(NONE - 1), contrast)
        ranked = build.add("Equal", contrast, build.integer(RIVAL))
        against = build.add("Where", ranked, rival, against)
        none = build.add("Equal", contrast, build.integer(NONE))
        mean = build.add("Equal", contrast, build.integer(OTHERS if self.count > 1 else NONE))
        single = build.add("Not", build.add("Or", none, mean))
        against = build.add("Where", single, against, build.integer(0))
        against = build.add("Where", build.add("Less", against, build.integer(0)),
                            build.integer(self.count), against)  # fmt: skip
        against = build.add("Expand", against, build.add("Shape", rival))
        against = build.add("Gather", build.constant(np.arange(self.count)), against)
        taken = write_one_hot(build, against, self.count, real)
        rest = build.add("Sub", build.constant(np.asarray(1.0, real)), one)
        rest = build.add("Div", rest, build.constant(np.asarray(max(self.count - 1, 1), real)))
        for part, where in ((taken, single), (rest, mean)):
            here = build.add("Unsqueeze", write_cast(build, where, real), build.integers(1))
            one = build.add("Sub", one, build.add("Mul", part, here))
        return one


@dataclass(frozen=True, eq=False)
class ValuesExplained(Explained):
    """One of several numbers, or its mean over places.

    Attributes
    ----------
    reading : Reading
        How they are read.
    count : int
        How many there are.
    places : tuple of int
        See `ClassesExplained`.
    unit : str
        See `Explained`.
    """

    reading: Reading
    count: int
    places: tuple[int, ...]
    unit: str = "value"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Tensors that are read."""
        return self.reading.tensors

    @property
    def given(self) -> tuple[Given, ...]:
        """Which number, and of a dense answer the places."""
        plain = (_index_input(TARGET, PREDICTED),)
        return (*plain, region_input(self.places)) if self.places else plain

    def choose(self, at: Pass, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """Write the number as (N, K) of zeros and ones, and what each place counts.

        A single number needs no name; of several ones none is the first choice.
        """
        build, real = at.build, real_of(at.facts, self.reading)
        scores = write_scores(at, self.reading, real)
        every = build.reduce("ReduceSum", scores, [2], keep=False)
        like = build.add("ArgMax", every, axis=1, keepdims=0)
        default = build.integer(0 if self.count == 1 else self.count)
        index = write_index(build, inputs[TARGET], default, like, self.count)
        chosen = {TARGET: write_one_hot(build, index, self.count, real)}
        if self.places:
            ones = build.constant(np.ones((1, 1, math.prod(self.places)), real))
            shares = write_shares(at, inputs[REGION], ones, self.places, real)
            chosen[REGION] = shares
        return chosen

    def score(self, at: Pass, chosen: Mapping[str, str]) -> Score:
        """Write the number."""
        build, real = at.build, real_of(at.facts, self.reading)
        one, shares = chosen[TARGET], chosen.get(REGION)
        whole = write_mean(at, write_scores(at, self.reading, real), shares)
        value = build.reduce("ReduceSum", build.add("Mul", whole, one), [1], keep=False)
        return Score(value, write_slopes(at, self.reading, write_spread(at, one, shares), real))


def write_mean(at: Pass, scores: str, shares: str | None) -> str:
    """Write the mean of scores (N, K, M) over places, (N, K)."""
    if shares is None:
        return at.build.add("Squeeze", scores, at.build.integers(2))
    return at.build.reduce("ReduceSum", at.build.add("Mul", scores, shares), [2], keep=False)


def write_spread(at: Pass, counts: str, shares: str | None) -> str:
    """Write what each score counts at each place, (N, K, M)."""
    wide = at.build.add("Unsqueeze", counts, at.build.integers(2))
    return wide if shares is None else at.build.add("Mul", wide, shares)


def _index_input(name: str, default: int) -> Given:
    return Given(name, np.array([default], np.int64), (f"{name}s",))
