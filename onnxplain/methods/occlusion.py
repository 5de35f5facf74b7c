"""Occlusion: cover one window after the other, and watch the score, or a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import Engine, engine_named
from onnxplain.errors import UsageError
from onnxplain.explanation import Attribution
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.quantised import real_values
from onnxplain.methods.registry import method
from onnxplain.perturb.refine import Refined, refined
from onnxplain.perturb.window_grid import Contents, WindowGrid
from onnxplain.perturb.windows import Size
from onnxplain.scores import class_scores
from onnxplain.subject import Subject
from onnxplain.target import Target


@method(
    name="occlusion",
    family="perturbation",
    needs=Capability.FORWARD,
    explains="probability",
    display="signed",
    summary="How much the score falls when a window of the picture is covered.",
    reference="Zeiler, Fergus 2014, arXiv:1311.2901, section 4.2",
    meaning="score units (probability unless told otherwise; with response_of, those of the "
    "layer); positive: covering it lowers the score",
    class_discriminative=True,
    promises="the effect of the very change that was made; nothing is approximated unless "
    "refine is given",
    failures="the fill is itself a feature; evidence that stands in two places hides behind the "
    "other one",
)
def occlusion(
    subject: Subject,
    x: NDArray[Any],
    target: Target,
    *,
    window: Size | int | None = None,
    stride: Size | int | None = None,
    fill_with: str = "mean",
    response_of: str | None = None,
    refine: int = 1,
    engine: str = "auto",
) -> Attribution:
    """Importance of a pixel: mean over the windows that cover it of S(x) - S(x, covered).

    Parameters
    ----------
    subject, x, target
        See `Subject` and `Target`; x has the model's input shape.
    window : int or (int, int), optional
        Height and width of the window in pixels; an eighth of the input if not given.
    stride : int or (int, int), optional
        Step between windows in pixels; half a window if not given. The last window of a
        row or column is cut off by the border.
    fill_with : str
        See `onnxplain.perturb.fills.fill`; or ``inpaint``, the smoothest surface that meets
        the pixels around the window.
    response_of : str, optional
        A layer with places in the picture: S is not the score, but the mean over the layer's
        feature maps of each map's largest value.
    refine : int
        Compute every so many positions only, and those between where the map changes; the
        others are interpolated. 1 computes all.
    engine : {"auto", "incremental", "brute-force"}
        Compute only what a window can change, or every covered picture as a whole. The map
        is the same up to rounding; ``auto`` takes what should be faster, and the record's
        note ``engine`` says which it was, and why.

    Returns
    -------
    Attribution
        (N, H, W), signed, in units of S. Maps, one value per window position: ``score`` (S
        with the window covered), ``difference`` (fall of S), ``predicted_class`` (class index
        that wins then), and if refined ``interpolated`` (1 where nothing was computed).
        Measure ``computed``, if refined: share of positions that were.

    Raises
    ------
    UsageError
        If window, stride or refine do not fit the input, or the engine is not possible.
    MethodRefusedError
        If `response_of` has no places in the picture, or holds integers of unknown scale.
    """
    height, width = (x.shape[a] for a in subject.spatial_axes)
    grid = WindowGrid.fitting((height, width), window, stride)
    if not 1 <= refine <= max(grid.shape):
        raise UsageError(
            f"refine {refine} is not possible; allowed: 1 to {max(grid.shape)} positions of "
            f"{grid.shape[0]} x {grid.shape[1]}"
        )
    layer = None if response_of is None else subject.network.layer(response_of)
    watch = _Watch(subject, target, layer, engine_named(engine))
    contents = Contents(subject, x, fill_with)
    found = [watch.covered(x[n], n, contents, grid, refine) for n in range(len(x))]
    scores = np.stack([f.values for f in found])
    falls = watch.uncovered(x)[:, None, None] - scores
    interpolated = np.stack([f.interpolated for f in found])
    maps = {
        "score": scores,
        "difference": falls,
        "predicted_class": np.stack([f.classes for f in found]),
    }
    if refine > 1:
        maps["interpolated"] = interpolated.astype(np.uint8)
    return Attribution(
        grid.spread(falls.reshape(len(x), -1)),
        ("H", "W"),
        parameters={"window": list(grid.window), "stride": list(grid.step)},
        measures={"computed": 1 - interpolated.mean(axis=(1, 2))} if refine > 1 else {},
        maps=maps,
        notes={"engine": dict(watch.engine)},
    )


class _Watch:
    """Runs covered inputs and reads what is watched: the score, or a layer's response."""

    def __init__(
        self, subject: Subject, target: Target, layer: SpatialLayer | None, engine: Engine
    ) -> None:
        self._subject, self._target, self._layer, self._asked = subject, target, layer, engine
        self._names = [target.tensor, *([layer.name] if layer else [])]
        self.engine: Mapping[str, Any] = {}

    def uncovered(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """S of the inputs as they are, (N,)."""
        tensors = self._subject.engine(Capability.FORWARD).activations(x, self._names)
        return self._read(tensors)[0]

    def covered(
        self, x: NDArray[Any], n: int, contents: Contents, grid: WindowGrid, refine: int
    ) -> Refined:
        """S and winning class for every position of the window over input n."""
        windows = grid.windows

        def compute(
            indices: NDArray[np.int64],
        ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            changes = contents.of(n, windows[indices])
            run = self._subject.windowed(x, changes, self._names, engine=self._asked)
            self.engine = self.engine or run.engine
            values, classes = np.empty(len(indices)), np.empty(len(indices), np.int64)
            for places, tensors in run.blocks:
                values[places], classes[places] = self._read(tensors)
            return values, classes

        return refined(compute, grid.shape, refine)

    def _read(
        self, tensors: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        scores = class_scores(tensors[self._target.tensor], self._target)
        winners = scores.argmax(axis=1)
        if self._layer is None:
            return self._target.select(scores), winners
        name, graph = self._layer.name, self._subject.network.graph
        maps = self._layer.to_maps(real_values(graph, name, tensors[name]))
        return maps.max(axis=(2, 3)).mean(axis=1), winners
