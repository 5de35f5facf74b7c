"""Whether an exported file keeps its promises: the same scores, and the engine's maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.adapters.ort_sessions import OrtSessions
from onnxplain.boundary import foreign
from onnxplain.errors import NowhereError, ParityError, UsageError
from onnxplain.export.feeds import Feeds
from onnxplain.export.plan import Plan
from onnxplain.export.targets.explained import REFERENCE
from onnxplain.export.targets.likeness import LikenessExplained
from onnxplain.export.write import EXPLAIN, Written
from onnxplain.graph.view import Graph
from onnxplain.inputs.picture import sample_picture
from onnxplain.targets.request import TargetRequest
from onnxplain.tasks.embedding import Embedding

if TYPE_CHECKING:
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model

Arrays = Mapping[str, NDArray[Any]]
# Beyond this share of a map's largest number, the engine in float64 has to judge.
_CLOSE = 1e-4
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
    """

    method: str
    error: float
    correlation: float


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
    model: Model, written: Written, session: Any, plan: Plan, picture: Picture, feeds: Feeds
) -> list[MapCheck]:
    """Compare each map with the engine's.

    Raises
    ------
    ParityError
        If one differs by more than rounding explains.
    """
    target, more = _asked(model, plan)
    given = {**feeds.whole(picture.x), **{written.inputs[n]: v for n, v in more.items()}}
    found = run(session, given, list(written.outputs.values()))
    checks = []
    for method, name in written.outputs.items():
        ours = found[name][0].astype(np.float64)
        theirs = _engines(model, plan, method, picture, target)
        checks.append(_compared(method, ours, theirs))
        if not checks[-1].error <= _CLOSE:  # NaN as well
            _judge(model, plan, method, picture, target, ours, theirs)
    return checks


def _engines(
    model: Model, plan: Plan, method: str, picture: Picture, target: Any
) -> NDArray[np.float64]:
    try:
        explained = model.explain(
            picture, method, target, allow_mismatch=True, **plan.parameters(method)
        )
    except NowhereError as error:
        raise UsageError(
            f"the file cannot be checked on this picture: {error}; give another one with --image"
        ) from error
    return np.asarray(explained.attribution, np.float64)


def _asked(model: Model, plan: Plan) -> tuple[Any, Arrays]:
    """What is compared: the default of the file, and what has to be fed for it.

    An embedding is likened to another picture's, unless the file has a default.
    """
    if not isinstance(plan.explained, LikenessExplained) or plan.target is not None:
        return plan.target, {}
    assert isinstance(model.task, Embedding)
    other = sample_picture(model.preprocess, seed=1).x
    values = model.network.ort.activations(other, model.task.tensors)
    # As the file takes it.
    vector = model.task.vector(values).astype(np.float32)
    request = TargetRequest(like="another picture", reference=vector)
    return request, {REFERENCE: vector.reshape(1, -1)}


def _judge(
    model: Model,
    plan: Plan,
    method: str,
    picture: Picture,
    target: Any,
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
) -> None:
    """Let the engine in float64 say which of two maps is right."""
    exact = _engines(_in_double(model), plan, method, picture, target)
    mine, engine = _off(ours, exact), _off(theirs, exact)
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
