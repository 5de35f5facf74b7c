"""Occlusion: cover one window after the other, and watch the score, or a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import Block, Engine, WindowChanges, engine_named, gathered
from onnxplain.errors import UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import real_values
from onnxplain.methods.registry import method
from onnxplain.network.context import Context, silent
from onnxplain.perturb.anytime import Limits, Sampling, relative_error
from onnxplain.perturb.outcome import Run, sampled
from onnxplain.perturb.refine import Refined, filled, refined
from onnxplain.perturb.window_grid import Contents, WindowGrid
from onnxplain.perturb.window_sample import mean_of_some
from onnxplain.perturb.windows import Size, scattered
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

# Windows between two looks at the map; enough of them for sections to be worth it.
LOOK = 96


@method(
    name="occlusion",
    family="perturbation",
    needs=Capability.FORWARD | Capability.WINDOWS,
    explains="probability",
    of_scores=True,
    display="signed",
    summary="How much the score falls when a window of the picture is covered.",
    reference="Zeiler, Fergus 2014, arXiv:1311.2901, section 4.2",
    meaning="units of the explained score, or with response_of of the layer; positive: covering "
    "the window lowers the score",
    class_discriminative=True,
    promises="the exact effect of covering each window; nothing is approximated unless you set "
    "refine or a limit",
    failures="the fill is itself a feature; evidence that occurs twice is missed, because one "
    "copy remains while the other is covered",
)
def occlusion(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    window: Size | int | None = None,
    stride: Size | int | None = None,
    fill_with: str = "mean",
    response_of: str | None = None,
    refine: int = 1,
    engine: str = "auto",
    max_seconds: float | None = None,
    tolerance: float | None = None,
) -> Attribution:
    """Importance of a pixel: mean over the windows that cover it of S(x) - S(x, covered).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    window : int or (int, int), optional
        Height and width of the window in pixels; an eighth of the input if not given.
    stride : int or (int, int), optional
        Step between windows in pixels; half a window if not given. The last window of a
        row or column is cut off by the border.
    fill_with : str
        What covers the picture: black, white, mean, blur, noise, an image file, a number in
        the model's units, or ``inpaint``, the smoothest surface that meets the pixels around
        the window.
    response_of : str, optional
        A layer with places in the picture: S is not the score, but the mean over the layer's
        feature maps of each map's largest value.
    refine : int
        Compute every N-th position, and those between only where the map changes; the rest is
        interpolated. 1 computes all.
    engine : {"auto", "incremental", "brute-force"}
        Compute only what a window can change, or every covered picture as a whole. The map
        is the same up to rounding; ``auto`` takes what should be faster, and the record's
        note ``engine`` says which it was, and why.
    max_seconds, tolerance : float, optional
        Compute windows in random order, and stop after this many seconds, or when the standard
        error falls below this share of the map's range. Without a limit all windows are computed.

    Returns
    -------
    Attribution
        (N, H, W), signed, in units of S. Maps, one value per window position: ``score`` (S
        with the window covered), ``difference`` (fall of S), ``predicted_class`` (class index
        that wins then; not for a target without classes), and if refined or limited
        ``interpolated`` (1 where nothing was computed). Measure ``computed``, then: share of
        positions that were. If limited also map ``standard_error`` (see `mean_of_some`),
        measures ``samples`` (windows computed) and ``relative_error``, note ``sampling_ended``.

    Raises
    ------
    UsageError
        If window, stride or refine do not fit the input, the engine is not possible, or both
        refine and a limit are given.
    MethodRefusedError
        If `response_of` has no places in the picture, or holds integers of unknown scale.
    """
    height, width = (x.shape[a] for a in context.spatial_axes)
    grid = WindowGrid.fitting((height, width), window, stride)
    if not 1 <= refine <= max(grid.shape):
        raise UsageError(
            f"refine {refine} is out of range; allowed: 1 to {max(grid.shape)} positions of "
            f"{grid.shape[0]} x {grid.shape[1]}"
        )
    limited = max_seconds is not None or tolerance is not None
    if limited and refine > 1:
        raise UsageError("occlusion: refine and a limit exclude each other; drop one of them")
    layer = None if response_of is None else context.network.layer(response_of)
    own = replace(context, progress=silent) if limited else context  # `Sampling` tells it
    watch = _Watch(own, target, layer, engine_named(engine))
    contents = Contents(context, x, fill_with)
    settled = {"window": list(grid.window), "stride": list(grid.step)}
    if limited:
        limits = Limits(len(grid.windows), max_seconds, tolerance)
        runs = [_in_time(watch, context, x[n], n, contents, grid, limits) for n in range(len(x))]
        computed = np.array([1 - maps["interpolated"].mean() for *_, maps in runs])
        return sampled(
            runs,
            parameters=settled,
            measures={"computed": computed},
            notes={"engine": dict(watch.engine)},
        )
    found = [watch.covered(x[n], n, contents, grid, refine) for n in range(len(x))]
    scores = np.stack([f.values for f in found])
    falls = watch.uncovered(x)[:, None, None] - scores
    interpolated = np.stack([f.interpolated for f in found])
    maps = {"score": scores, "difference": falls}
    if watch.has_classes:
        maps["predicted_class"] = np.stack([f.classes for f in found])
    if refine > 1:
        maps["interpolated"] = interpolated.astype(np.uint8)
    return Attribution(
        grid.spread(falls.reshape(len(x), -1)),
        ("H", "W"),
        parameters=settled,
        measures={"computed": 1 - interpolated.mean(axis=(1, 2))} if refine > 1 else {},
        maps=maps,
        notes={"engine": dict(watch.engine)},
    )


def _in_time(
    watch: _Watch,
    context: Context,
    x: NDArray[Any],
    n: int,
    contents: Contents,
    grid: WindowGrid,
    limits: Limits,
) -> Run:
    """The map of input n from windows in random order, until the limits end it."""
    uncovered = watch.uncovered(x[None])[0]
    scores, classes = np.zeros(len(grid.windows)), np.zeros(len(grid.windows), np.int64)
    computed = np.zeros(len(grid.windows), bool)

    def result() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        falls = (uncovered - scores).reshape(grid.shape)
        return mean_of_some(falls, computed.reshape(grid.shape), grid)

    sampling = Sampling(context, limits)
    for chosen in scattered(len(scores), context.seed, LOOK):
        for places, values, winners in watch.blocks(x, contents.of(n, grid.windows[chosen])):
            scores[chosen[places]], classes[chosen[places]] = values, winners
            computed[chosen[places]] = True
            sampling.advance(len(places))
            if sampling.over:
                break
        sampling.check(lambda: relative_error(*result()))
        if sampling.over:
            break
    known = computed.reshape(grid.shape)
    shown = filled(scores.reshape(grid.shape), known)
    maps = {
        "score": shown,
        "difference": uncovered - shown,
        "interpolated": (~known).astype(np.uint8),
    }
    if watch.has_classes:
        maps["predicted_class"] = filled(classes.reshape(grid.shape), known)
    return sampling, *result(), maps


class _Watch:
    """Runs covered inputs and reads what is watched: the score, or a layer's response."""

    def __init__(
        self, context: Context, target: Target, layer: SpatialLayer | None, engine: Engine
    ) -> None:
        self._context, self._target, self._layer, self._asked = context, target, layer, engine
        self._names = [*target.tensors, *([layer.name] if layer else [])]
        self.engine: Mapping[str, Any] = {}
        self.has_classes = isinstance(target, ClassScore)

    def uncovered(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """S of the inputs as they are, (N,)."""
        tensors = self._context.engine(Capability.FORWARD).activations(x, self._names)
        return self._read(tensors)[0]

    def covered(
        self, x: NDArray[Any], n: int, contents: Contents, grid: WindowGrid, refine: int
    ) -> Refined:
        """S and winning class for every position of the window over input n."""
        windows = grid.windows

        def compute(
            indices: NDArray[np.int64],
        ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            values, classes = np.empty(len(indices)), np.empty(len(indices), np.int64)
            blocks = self._computed(x, contents.of(n, windows[indices]))
            for places, tensors in blocks if self._target.one_by_one else gathered(blocks):
                values[places], classes[places] = self._read(tensors)
            return values, classes

        return refined(compute, grid.shape, refine)

    def blocks(
        self, x: NDArray[Any], changes: WindowChanges
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]]:
        """Windows with their S and winning classes, as they are computed."""
        for places, tensors in self._computed(x, changes):
            yield (places, *self._read(tensors))

    def _computed(self, x: NDArray[Any], changes: WindowChanges) -> Iterator[Block]:
        run = self._context.windowed(x, changes, self._names, engine=self._asked)
        self.engine = self.engine or run.engine
        return run.blocks

    def _read(
        self, tensors: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        score, winners = self._scores(tensors)
        if self._layer is None:
            return score, winners
        name, graph = self._layer.name, self._context.network.graph
        maps = self._layer.to_maps(real_values(graph, name, tensors[name]))
        return maps.max(axis=(2, 3)).mean(axis=1), winners

    def _scores(
        self, tensors: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the score, and the class that wins; zeros stand for it if there are none."""
        target = self._target
        if not isinstance(target, ClassScore):
            score = target.score(tensors)
            return score, np.zeros(len(score), np.int64)
        scores = target.class_scores(tensors)
        return target.select(scores), scores.argmax(axis=1)
