"""Whether an exported file keeps its promises: the same scores, and the engine's maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.adapters.ort_sessions import OrtSessions
from onnxplain.boundary import foreign
from onnxplain.errors import ParityError
from onnxplain.export.exact import integrated_in_double, maps_in_double
from onnxplain.export.plan import INTEGRATED, Plan
from onnxplain.export.write import EXPLAIN, Written
from onnxplain.graph.view import Graph

if TYPE_CHECKING:
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model

Arrays = Mapping[str, NDArray[Any]]
# Beyond this share of a map's largest number, both are computed in float64 as well.
_CLOSE = 1e-5
# How far they may be apart then: what is left is the rounding of constants and of the output.
_EXACT = 1e-6
# By how much the file may be farther from float64 than the PyTorch engine is, and what both may
# be off by where a rectifier is switched by rounding.
_FACTOR, _SWITCHED = 2.0, 1e-2


@dataclass(frozen=True)
class MapCheck:
    """How far a map in the file is from the engine's.

    Attributes
    ----------
    method : str
        The method.
    error : float
        Largest difference, as a share of the engine's largest number.
    correlation : float
        Of the two maps.
    exact : float, optional
        Distance of the two, both computed in float64, as a share of the map's size; ``None``
        where float32 left no doubt.
    """

    method: str
    error: float
    correlation: float
    exact: float | None = None


def open_model(model: onnx.ModelProto, weights: Arrays, device: str = "cpu") -> Any:
    """Open a model in ONNX Runtime."""
    return OrtSessions(Graph(model, weights=weights), device).exposing(())


def run(session: Any, feeds: Arrays, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return named outputs of a session."""
    with foreign(lambda why: ParityError(f"ONNX Runtime cannot run the exported file: {why}")):
        return dict(zip(names, session.run(list(names), dict(feeds)), strict=True))


def same_scores(
    original: Any, session: Any, written: Written, outputs: Sequence[str], inputs: Sequence[Arrays]
) -> bool:
    """Whether all outputs of the original are equal in every bit, with and without maps."""
    for feeds in inputs:
        expected = run(original, feeds, outputs)
        for explain in (True, False):
            given = {**feeds, written.inputs[EXPLAIN]: np.array(explain)}
            found = run(session, given, outputs)
            if any(_bits(found[n]) != _bits(expected[n]) for n in outputs):
                return False
    return True


def _bits(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype.str, value.shape, value.tobytes()
    return repr(value)


def compare_maps(
    model: Model, written: Written, weights: Arrays, session: Any, plan: Plan, picture: Picture
) -> list[MapCheck]:
    """Compare each map with the engine's; `weights` are those that the written model lacks.

    Raises
    ------
    ParityError
        If one differs by more than rounding explains.
    """
    feeds = {model.network.image.name: picture.x}
    found = run(session, feeds, list(written.outputs.values()))
    target = _target(model, plan, picture)
    ours = {m: found[name][0].astype(np.float64) for m, name in written.outputs.items()}
    theirs = {m: _engines(model, plan, m, picture, target) for m in ours}
    checks = [_compared(m, ours[m], theirs[m]) for m in ours]
    doubtful = [c.method for c in checks if not c.error <= _CLOSE]
    if not doubtful:
        return checks
    named = [written.outputs[m] for m in doubtful]
    in_double = maps_in_double(written.model, weights, model.network.image.name, picture, named)
    other = _in_double(model)
    exact = {}
    for m in doubtful:
        truth = _exactly(other, plan, m, picture, target)
        exact[m] = _off(in_double[written.outputs[m]][0], truth)
        _judge(m, exact[m], _off(ours[m], truth), _off(theirs[m], truth))
    return [replace(c, exact=exact.get(c.method)) for c in checks]


def _engines(
    model: Model, plan: Plan, method: str, picture: Picture, target: Any
) -> NDArray[np.float64]:
    explained = model.explain(
        picture, method, target, allow_mismatch=True, **plan.parameters(method)
    )
    return np.asarray(explained.attribution, np.float64)


def _target(model: Model, plan: Plan, picture: Picture) -> Any:
    """What the file explains by default, as the engine is asked for it."""
    target = None if plan.target < 0 else plan.target
    if not plan.scores.places:
        return target
    index = target if target is not None else _largest(model, plan, picture)
    return f"{index}@everywhere"


def _largest(model: Model, plan: Plan, picture: Picture) -> int:
    """The class whose mean over all places is the largest."""
    reading = plan.scores.reading
    values = model.network.ort.activations(picture.x, reading.tensors)
    rows = np.moveaxis(reading.read(values)[0], reading.axis, 0)
    return int(rows.reshape(len(rows), -1).mean(axis=1).argmax())


def _exactly(
    model: Model, plan: Plan, method: str, picture: Picture, target: Any
) -> NDArray[np.float64]:
    """The map of the engine in float64, at the very points that a file holds."""
    if method != INTEGRATED:
        return _engines(model, plan, method, picture, target)
    return integrated_in_double(model, plan, picture, target)


def _judge(method: str, exact: float, mine: float, engine: float) -> None:
    """Tell a wrong derivative, and one that rounds badly, from rounding itself.

    Both are computed by the same conversion in float64, so that no rectifier is switched in one
    of them alone: whatever they differ by is wrong.
    """
    if not exact <= _EXACT:
        raise ParityError(
            f"the map of {method} in the file differs from the PyTorch engine's by {exact:.2g} of "
            "its size if both are computed in float64; nothing was written"
        )
    if not mine <= max(_SWITCHED, _FACTOR * engine):
        raise ParityError(
            f"the map of {method} in the file differs from the PyTorch engine's in float64 by "
            f"{mine:.2g} of its size (that engine in float32 by {engine:.2g}); nothing was written"
        )


def _in_double(model: Model) -> Model:
    other = model.with_graph(model.network.graph)
    other.network.precision = "double"
    return other


def _off(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Difference of two maps as a share of their size, as a root of squares."""
    size = float(np.sqrt((other**2).sum()))
    return float(np.sqrt(((one - other) ** 2).sum())) / (size or 1.0)


def _compared(method: str, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> MapCheck:
    if ours.shape != theirs.shape:
        raise ParityError(
            f"the map of {method} in the file has shape {ours.shape}, the engine's {theirs.shape}"
        )
    largest = float(np.abs(theirs).max()) or 1.0
    error = float(np.abs(ours - theirs).max()) / largest
    constant = bool(ours.std() == 0 or theirs.std() == 0)
    correlation = 1.0 if constant else float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
    return MapCheck(method, error, correlation)
