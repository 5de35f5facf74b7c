"""Whether an exported file keeps its promises: the same scores, and the engine's maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.adapters.ort_sessions import OrtSessions
from onnxplain.boundary import foreign
from onnxplain.errors import ConversionError, NowhereError, ParityError, UsageError
from onnxplain.export.exact import integrated_in_double, maps_in_double
from onnxplain.export.feeds import Feeds
from onnxplain.export.plan import INTEGRATED, Plan
from onnxplain.export.targets.classes import ClassesExplained
from onnxplain.export.targets.explained import REFERENCE, TARGET
from onnxplain.export.targets.likeness import LikenessExplained
from onnxplain.export.write import EXPLAIN, Written
from onnxplain.graph.expand import expand
from onnxplain.graph.view import Graph
from onnxplain.inputs.picture import sample_picture
from onnxplain.targets.classes import class_of
from onnxplain.targets.request import TargetRequest
from onnxplain.tasks.embedding import Embedding

if TYPE_CHECKING:
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model

Arrays = Mapping[str, NDArray[Any]]
# Beyond this share of a map's largest number, both are computed in float64 as well.
_CLOSE = 1e-5
# How far they may be apart then: what is left is the rounding of constants and of the output.
_EXACT = 1e-5
# By how much the file may be farther from float64 than the PyTorch engine is, and what both may
# be off by where a rectifier is switched by rounding.
_FACTOR, _SWITCHED = 2.0, 1e-2
# By how much, as a share, a picture is shaken to see what rounding may switch: some roundings,
# since every layer adds its own; of 16 bits, and of 32.
_HALF, _SINGLE = 2.0**-9, 2.0**-20
# Times that, in turn.
_SHAKES = (1, 4, 16, 64)


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
    original: Any,
    session: Any,
    written: Written,
    outputs: Sequence[str],
    inputs: Sequence[Arrays],
    others: Sequence[Arrays] | None = None,
) -> bool:
    """Whether all outputs of the original are equal in every bit, with and without maps.

    The file gets `others`, if it takes something else than the original.
    """
    for feeds, own in zip(inputs, others or inputs, strict=True):
        expected = run(original, feeds, outputs)
        for explain in (True, False):
            given = {**own, written.inputs[EXPLAIN]: np.array(explain)}
            found = run(session, given, outputs)
            if any(_bits(found[n]) != _bits(expected[n]) for n in outputs):
                return False
    return True


def _bits(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype.str, value.shape, value.tobytes()
    return repr(value)


def compare_maps(
    model: Model,
    graph: Graph,
    written: Written,
    weights: Arrays,
    session: Any,
    plan: Plan,
    picture: Picture,
    feeds: Feeds,
) -> list[MapCheck]:
    """Compare each map with the engine's.

    Parameters
    ----------
    model : Model
        The original.
    graph : Graph
        The form of it whose derivatives were written.
    written : Written
        The model with its maps.
    weights : mapping of str to array
        Initializers whose values it lacks.
    session : OrtSession
        It, in ONNX Runtime.
    plan, picture
        What was written, and what it is compared on.

    Raises
    ------
    ParityError
        If one differs by more than rounding explains.
    """
    whole = feeds.whole(picture.x)
    names = list(written.outputs.values())
    target, more = _asked(model, plan, picture)
    fixed = {written.inputs[n]: v for n, v in more.items()}
    found = run(session, {**whole, **fixed}, names)
    if TARGET in more:
        by_default = run(session, whole, names)
        if any(not np.array_equal(found[n], by_default[n], equal_nan=True) for n in names):
            raise ParityError(
                f"the file explains another class than {target}, which the model predicts, on the "
                "picture of the check: two scores are equal except for rounding; choose one with "
                "--target"
            )
    ours = {m: found[name][0].astype(np.float64) for m, name in written.outputs.items()}
    by_pytorch = _by_pytorch(model, model.network.graph)
    theirs = {m: _engines(by_pytorch, plan, m, picture, target) for m in ours}
    checks = [_compared(m, ours[m], theirs[m]) for m in ours]
    doubtful = [c.method for c in checks if not c.error <= _CLOSE]  # NaN as well
    if not doubtful:
        return checks
    named = [written.outputs[m] for m in doubtful]
    try:
        in_double = maps_in_double(written.model, {**weights, **fixed}, feeds, picture, named)
    except ConversionError:  # the ranking of boxes, and its like
        in_double = {}
    twin = _in_double(model, graph)
    # Integer operators that were written out round otherwise, in some last steps.
    same = expand(model.network.graph) is model.network.graph
    other = twin if same else _in_double(model, model.network.graph)
    exact = {}
    for m in doubtful:
        truth = _exactly(twin, plan, m, picture, target)
        if written.outputs[m] in in_double:
            exact[m] = _off(in_double[written.outputs[m]][0], truth)
        if not same:
            truth = _exactly(other, plan, m, picture, target)
        mine, engine = _off(ours[m], truth), _off(theirs[m], truth)
        if mine > max(_SWITCHED, _FACTOR * engine):
            for shaken in _shaken(picture, graph):
                engine = max(engine, _off(_exactly(other, plan, m, shaken, target), truth))
        _judge(m, exact.get(m), mine, engine)
    return [replace(c, exact=exact.get(c.method)) for c in checks]


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


def _asked(model: Model, plan: Plan, picture: Picture) -> tuple[Any, Arrays]:
    """What is compared: the default of the file, and what has to be fed for it.

    A predicted class is named: scores that are equal but for rounding would be ranked otherwise
    in float64. An embedding is likened to another picture's, unless the file has a default.
    """
    if plan.target is not None:
        return plan.target, {}
    if isinstance(plan.explained, ClassesExplained) and not plan.explained.places:
        (aim,) = model.resolve(picture, [None])
        index = class_of(aim)
        return index, {TARGET: np.array([index])}
    if not isinstance(plan.explained, LikenessExplained):
        return None, {}
    assert isinstance(model.task, Embedding)
    other = sample_picture(model.preprocess, seed=1).x
    values = model.network.ort.activations(other, model.task.tensors)
    # As the file takes it.
    vector = model.task.vector(values).astype(np.float32)
    request = TargetRequest(like="another picture", reference=vector)
    return request, {REFERENCE: vector.reshape(1, -1)}


def _exactly(
    model: Model, plan: Plan, method: str, picture: Picture, target: Any
) -> NDArray[np.float64]:
    """The map of the engine in float64, at the very points that a file holds."""
    if method != INTEGRATED:
        return _engines(model, plan, method, picture, target)
    return integrated_in_double(model, plan, picture, target)


def _shaken(picture: Picture, graph: Graph) -> Iterator[Picture]:
    """The picture as far off as rounding in the file's precision may put it."""
    halves = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    half = any(t.data_type in halves for t in graph.model.graph.initializer)
    generator = np.random.default_rng(0)
    for times in _SHAKES:
        share = times * (_HALF if half else _SINGLE)
        noise = generator.uniform(-share, share, picture.x.shape)
        yield replace(picture, x=(picture.x * (1 + noise)).astype(picture.x.dtype))


def _judge(method: str, exact: float | None, mine: float, engine: float) -> None:
    """Tell a wrong derivative, and one that rounds badly, from rounding itself.

    Both are computed by the same conversion in float64, so that no rectifier is switched in one
    of them alone: whatever they differ by is wrong.
    """
    if exact is not None and not exact <= _EXACT:
        raise ParityError(
            f"the map of {method} in the file differs from the PyTorch engine's by {exact:.2g} of "
            "its size if both are computed in float64; nothing was written"
        )
    if not mine <= max(_SWITCHED, _FACTOR * engine):
        raise ParityError(
            f"the map of {method} in the file differs from the PyTorch engine's in float64 by "
            f"{mine:.2g} of its size, and rounding in that engine makes {engine:.2g}; nothing was "
            "written"
        )


def _by_pytorch(model: Model, graph: Graph) -> Model:
    """The model with PyTorch's derivatives: ONNX Runtime's are of the rules that are checked."""
    other = model.with_graph(graph)
    other.network.gradients_by = "pytorch"
    return other


def _in_double(model: Model, graph: Graph) -> Model:
    other = _by_pytorch(model, graph)
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
