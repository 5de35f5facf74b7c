"""What a method gets to work on: one network, one preprocessing, one run's settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.back_project import back_project
from onnxplain.adapters.base import FORWARD_VERBS, Adapter, Capability
from onnxplain.adapters.changes import Block, Engine, WindowChanges, WindowRun, gathered
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.archive import require_same_files
from onnxplain.identity import Identity
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.network.network import Network
from onnxplain.relevance.growth import Growth
from onnxplain.relevance.kinds import Rectification
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

# What a batch of perturbed pictures may take, in float64; what one of small pictures should.
_BATCH_BYTES, _SMALL_BYTES = 1 << 28, 1 << 20
_SMALL_BATCH = 128
_NOTHING = Capability(0)
# Told how many of how many steps are done.
Progress = Callable[[int, int], None]


def _own(engine: Adapter) -> Adapter:
    return engine


def silent(done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True)
class WindowedScores:
    """Scores of inputs that differ from a base input inside of one window each.

    Attributes
    ----------
    engine : mapping
        How they are computed, for the record.
    blocks : iterator of (indices, (n,) float64 array)
        Every window comes once, not always in order.
    """

    engine: Mapping[str, Any]
    blocks: Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Derivatives:
    """A score and its derivatives.

    Attributes
    ----------
    scores : (N,) array
        The explained scalar of each input.
    values : mapping of str to array
        The named tensors.
    gradients : mapping of str to array
        Derivative of each input's own score with respect to the named tensors.
    growth : Growth
        Of DeepLIFT's multipliers: how far what they attribute grew in magnitude.
    """

    scores: NDArray[np.float64]
    values: Mapping[str, NDArray[Any]]
    gradients: Mapping[str, NDArray[Any]]
    growth: Growth = field(default_factory=Growth)


@dataclass(frozen=True)
class Context:
    """A network as methods see it, for the length of one explanation.

    Attributes
    ----------
    network : Network
        Graph, layers and engines.
    preprocess : Preprocess
        Gives "black" and the like a meaning in the model's input.
    seed : int
        Seed of every random draw.
    progress : callable
        Called with (steps done, steps in all) on long work.
    share : callable
        Wraps an engine where several targets of one picture share its work.
    needs : Capability
        What the method needs in all, so that one engine runs all of its forward passes.
    identity : Identity
        The model's files; empty for an edited copy.
    """

    network: Network
    preprocess: Preprocess
    seed: int = 0
    progress: Progress = silent
    share: Callable[[Adapter], Adapter] = _own
    needs: Capability = _NOTHING
    identity: Identity = field(default_factory=Identity)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"the seed must be 0 or more, not {self.seed}")

    @property
    def spatial_axes(self) -> tuple[int, int]:
        """Positions of height and width in the model's input."""
        return (2, 3) if self.network.image.layout == "NCHW" else (1, 2)

    @property
    def channel_axis(self) -> int:
        """Position of the channels in the model's input."""
        return 1 if self.network.image.layout == "NCHW" else 3

    @property
    def batch_size(self) -> int:
        """Perturbed inputs to prepare at a time; fewer if the pictures are large."""
        image = self.network.image
        size = math.prod(image.shape) * np.dtype(np.float64).itemsize
        # Of small pictures more, which the engine parts again: what Python does for a batch would
        # take a good part of the time.
        small = min(_SMALL_BATCH, _SMALL_BYTES // size)
        wanted = self.network.batch_asked_for or max(self.network.batch_size, small)
        return image.batch or max(1, min(wanted, _BATCH_BYTES // size))

    def engine(self, needs: Capability) -> Adapter:
        """Return the cheapest engine that can do all that is needed."""
        same = FORWARD_VERBS if needs in FORWARD_VERBS else FORWARD_VERBS | Capability.SIGNALS
        return self.share(self.network.adapter(needs | (self.needs & same)))

    def require_origin(self, record: Mapping[str, Any], what: str) -> None:
        """Check that numbers came from this model; an edited copy of it takes them as they are.

        Raises
        ------
        UsageError
            See `require_same_files`.
        """
        if self.identity.sha256:
            files = self.identity.files
            name = files[0].location if files else "a model in memory"
            require_same_files(record, name, self.identity, what)

    def generator(self) -> np.random.Generator:
        """Fresh random numbers from this run's seed."""
        return np.random.default_rng(self.seed)

    def draw(
        self, sample: Callable[[tuple[int, ...]], NDArray[np.float64]], count: int
    ) -> NDArray[np.float64]:
        """Random inputs that are the same picture whatever the layout of the file.

        Parameters
        ----------
        sample : callable
            Returns random numbers of a given shape, such as ``generator.random``.
        count : int
            Number of inputs.

        Returns
        -------
        (count, ...) array
            Drawn with channels first, and arranged as the model takes them.
        """
        image = self.network.image
        drawn = sample((count, image.channels, *image.size))
        return drawn if image.layout == "NCHW" else np.moveaxis(drawn, 1, -1)

    def slices(self, count: int) -> Iterator[slice]:
        """Cut `count` perturbed inputs into batches, and report progress after each."""
        size = self.batch_size
        for start in range(0, count, size):
            stop = min(start + size, count)
            yield slice(start, stop)
            self.progress(stop, count)

    def score(self, x: NDArray[Any], target: Target) -> NDArray[np.float64]:
        """Return the explained scalar for inputs `x`, by a forward pass, as an (N,) array."""
        return scores_by(self.engine(Capability.FORWARD), x, target)

    def all_scores(self, x: NDArray[Any], target: ClassScore) -> NDArray[np.float64]:
        """Return the scores of all classes, of the target's kind, as an (N, K) array."""
        return target.class_scores(self.engine(Capability.FORWARD).activations(x, target.tensors))

    def gradients(
        self,
        x: NDArray[Any],
        target: Target,
        names: Sequence[str],
        *,
        rectify: Rectification | None = None,
        baseline: NDArray[Any] | None = None,
    ) -> Derivatives:
        """Return derivatives of the score with respect to named tensors.

        With `rectify` and `baseline`, see `Adapter.pull_back`.
        """
        if target.one_by_one and len(x) > 1:
            raise MethodRefusedError(
                "the file has no batch axis, so this method, which computes gradients of several "
                "pictures at once, cannot tell their boxes apart; use gradient, grad-cam, rise or "
                "occlusion"
            )
        plain = rectify is None and baseline is None
        engine = self.engine(Capability.GRADIENTS | (_NOTHING if plain else Capability.SIGNALS))
        found = engine.pull_back(x, [target], names, rectify=rectify, baseline=baseline)
        growth = found.growth[0] if found.growth else Growth()
        return Derivatives(target.score(found.values), found.values, found.gradients[0], growth)

    def back_project(
        self,
        x: NDArray[Any],
        tensor: str,
        seeds: NDArray[Any],
        *,
        rectify: Rectification | None = None,
    ) -> NDArray[Any]:
        """Carry S signals of each input, (N, S, ...), from a tensor back to the input.

        Returns
        -------
        (N, S, ...) array
            Each signal times the transposed Jacobian, in the shape of the input.
        """
        needs = Capability.GRADIENTS | (_NOTHING if rectify is None else Capability.SIGNALS)
        return back_project(self.engine(needs), x, self.network.image.name, tensor, seeds, rectify)

    def scores_from(
        self, x: NDArray[Any], layer: str, values: NDArray[Any], target: Target
    ) -> NDArray[np.float64]:
        """Return the explained scalar of input `x` when a layer had other values.

        Parameters
        ----------
        x : (1, ...) array
            One input.
        layer : str
            Tensor name.
        values : (M, ...) array
            Its values.

        Returns
        -------
        (M,) array
        """
        engine = self.engine(Capability.RERUN)
        if target.one_by_one:
            each = (values[k : k + 1] for k in range(len(values)))
            return np.concatenate(
                [target.score(engine.rerun_from(x, layer, v, target.tensors)) for v in each]
            )
        return target.score(engine.rerun_from(x, layer, values, target.tensors))

    def windowed_scores(
        self, base: NDArray[Any], changes: WindowChanges, target: Target, *, engine: Engine = "auto"
    ) -> WindowedScores:
        """Return the explained scalar of inputs that differ from `base` inside one window each.

        Parameters
        ----------
        base : (C, H, W) or (H, W, C) array
            One input without its batch axis.
        changes : WindowChanges
            The windows and what stands in them.
        target : Target
            What is explained.
        engine : {"auto", "incremental", "brute-force"}
            ``auto`` lets the adapter choose the faster one; the scores are the same up to
            float rounding.
        """
        run = self.windowed(base, changes, target.tensors, engine=engine)
        blocks = run.blocks if target.one_by_one else gathered(run.blocks)
        return WindowedScores(run.engine, ((k, target.score(v)) for k, v in blocks))

    def windowed(
        self,
        base: NDArray[Any],
        changes: WindowChanges,
        names: Sequence[str],
        *,
        engine: Engine = "auto",
    ) -> WindowRun:
        """Return named tensors of such inputs, and report progress after each block.

        Raises
        ------
        UsageError
            If a window leaves the picture.
        """
        height, width = self.network.image.size
        if (np.asarray(changes.windows)[:, [1, 3]] > (height, width)).any():
            raise UsageError(f"a window leaves the picture of {height} x {width} pixels")
        run = self.engine(Capability.WINDOWS).windowed(base, changes, names, engine=engine)
        return WindowRun(run.engine, self._counted(run.blocks, len(changes)))

    def _counted(self, blocks: Iterator[Block], total: int) -> Iterator[Block]:
        done = 0
        for indices, values in blocks:
            yield indices, values
            done += len(indices)
            self.progress(done, total)


def scores_by(engine: Adapter, x: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return the explained scalar for inputs by an engine, each on its own where it has to be."""
    inputs = [x[k : k + 1] for k in range(len(x))] if target.one_by_one else [x]
    return np.concatenate([target.score(engine.activations(i, target.tensors)) for i in inputs])
