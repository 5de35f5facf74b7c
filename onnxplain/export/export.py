"""``model.onnx`` in, a model with maps as further outputs out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx.external_data_helper import uses_external_data

from onnxplain.errors import OutputError, ParityError, UsageError
from onnxplain.export.check import MapCheck, compare_maps, open_model, same_scores
from onnxplain.export.check_view import ViewCheck
from onnxplain.export.defaults import without_defaults
from onnxplain.export.feeds import Feeds
from onnxplain.export.plan import DEFAULT_STEPS, INTEGRATED, Plan, make_plan
from onnxplain.export.save import save
from onnxplain.export.view import View
from onnxplain.export.viewed import in_view, require_possible
from onnxplain.export.write import Forward, Written, write
from onnxplain.graph.carried import KEY
from onnxplain.graph.expand import expand
from onnxplain.graph.light import Weights
from onnxplain.graph.load import open_model as read_file
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph
from onnxplain.inputs.picture import sample_picture
from onnxplain.symbolic.facts import measure_facts
from onnxplain.symbolic.opset import with_recent_opset

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike
    from onnxplain.model.model import Model

_PLAIN = View()


@dataclass(frozen=True)
class Export:
    """What was written, and how it was checked.

    Attributes
    ----------
    path : Path
        The file.
    written : Written
        Its inputs and outputs.
    maps : tuple of MapCheck
        Each map against the engine's.
    bytes, grown : int
        Size of the file, and how much larger it is than the original.
    forward : str
        Whether the maps compute what they need a second time; see `Forward`.
    layer : str
        Where class activation maps are read; empty if there are none.
    view : View
        What the file takes, and how its maps look.
    looks : ViewCheck, optional
        That against the product's own display, where it is another one than the methods'.
    preprocess : str
        Name and origin of the preprocessing in the file; empty if none is.
    """

    path: Path
    written: Written
    maps: tuple[MapCheck, ...]
    bytes: int
    grown: int
    forward: str
    layer: str
    view: View = _PLAIN
    looks: ViewCheck | None = None
    preprocess: str = ""


def export(
    model: Model,
    source: str | Path,
    out: str | Path,
    methods: Sequence[str],
    *,
    target: str | int | None = None,
    layer: str | int | None = None,
    steps: int = DEFAULT_STEPS,
    baseline: str = "black",
    composite: str = "auto",
    picture: ImageLike | None = None,
    required: bool = False,
    view: View = _PLAIN,
) -> Export:
    """Write a model that carries its explanation.

    Parameters
    ----------
    model : Model
        The opened model.
    source : path
        Its file.
    out : path
        The file to write; it appears when it has been checked.
    methods : sequence of str
        See `onnxplain.export.plan.METHODS`.
    target : str or int, optional
        What the file explains unless it is told otherwise; what it predicts if not given.
    layer : str or int, optional
        Where class activation maps are read, see `Network.layer`.
    steps : int
        Points on the way of integrated gradients.
    baseline : str
        Where that way begins, see `onnxplain.perturb.fills.fill`.
    composite : str
        Rules of relevance propagation, see `onnxplain.methods.lrp.lrp`.
    picture : path, PIL.Image.Image or array, optional
        The picture on which the file is checked; a smooth random one if not given.
    required : bool
        Whether the file's further inputs have no defaults, see `without_defaults`.
    view : View
        What the file takes as a picture, and how its maps look.

    Raises
    ------
    OnnxplainError
        If it cannot be written, or breaks a promise; then there is no file.
    """
    path = Path(out)
    if path.exists() and path.samefile(source):
        raise OutputError(f"{str(path)!r} is the model itself; choose another file with -o")
    if required and target is not None:
        raise UsageError("a file without defaults has no default target; leave one of them out")
    if model.identity.changed:
        raise UsageError(f"{str(source)!r} has changed since it was opened; start again")
    if model.carried is not None:
        raise UsageError(
            f"{str(source)!r} {model.carried.describe(model.network.head.output)}; export the "
            "original"
        )
    require_possible(model, view)
    model.network.require_repeatable()
    plan = make_plan(
        model, methods, target=target, layer=layer, steps=steps, baseline=baseline,
        composite=composite,
    )  # fmt: skip
    shown = model.read(picture) if picture is not None else sample_picture(model.preprocess)
    proto, weights, _ = read_file(source)
    # Fused and integer operators have no rules of their own.
    graph = with_recent_opset(expand(model.network.graph))
    network = model.network if graph is model.network.graph else model.network.with_graph(graph)
    image = network.image
    alone = image.batch or (1 if plan.explained.one_by_one else None)
    engine = network.ort.together()
    # Another picture as well: how many boxes leave a suppression depends on it.
    pictures = (shown.x, sample_picture(model.preprocess, seed=1).x)
    batches = [alone, alone] if alone else [2, 3]
    facts = measure_facts(
        graph,
        [np.repeat(x, n, axis=0) for x, n in zip(pictures, batches, strict=True)],
        engine.activations,
    )
    size = (alone, *image.shape[1:])  # which the file may leave open
    facts = replace(facts, shapes={**facts.shapes, image.name: size})
    original = open_model(proto, weights)
    outputs = [o.name for o in proto.graph.output]
    for base, forward in _ways(proto, weights, graph):
        feeds = Feeds.of(model, base, alone)
        _require_alone(feeds, view)
        inputs = [feeds.whole(x) for x in _trials(pictures, alone)]
        _fix_size(base.model, image.name, size)
        written = write(base, graph, image, facts, plan, forward)
        lacks = {t.name for t in written.model.graph.initializer if uses_external_data(t)}
        held = {n: a for n, a in {**graph.weights, **base.weights}.items() if n in lacks}
        _describe(written, model, plan, forward)
        session = open_model(written.model, held)
        if same_scores(original, session, written, outputs, inputs):
            break
    else:
        raise ParityError("the scores of the exported file differ from the original's; not written")
    checks = compare_maps(model, graph, written, held, session, plan, shown, feeds)
    looks = None
    if view.changes:
        plain = (session, written)
        written, looks = in_view(model, plan, view, plain, (original, outputs), shown, held)
    if required:
        without_defaults(written.model, written.inputs.values())
    beside = len(model.identity.files) > 1
    total = save(written.model, held, path, beside=beside)
    return Export(
        path, written, tuple(checks), total, total - model.identity.bytes, forward.name,
        plan.layer.name if plan.layer else "", view, looks,
        f"{model.preprocess.name}, from {model.sources['preprocess']}" if view.uint8 else "",
    )  # fmt: skip


def _ways(
    proto: onnx.ModelProto, weights: Weights, graph: Graph
) -> Iterator[tuple[Graph, Forward]]:
    """What the maps are put beside, and how they get at what it computes; the cheapest first.

    A prepared graph reads best. The last digits of what is computed from constants may be other
    ones than ONNX Runtime's, though; then the file stays as it is.
    """
    base = with_recent_opset(prepare(proto, weights))
    known = {*base.tensor_names(), *base.constant_names}
    if known.issuperset([*graph.tensor_names(), *graph.constant_names]):
        yield base, Forward(again=False)
    yield base, Forward(again=True)
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    yield with_recent_opset(Graph(model, weights=weights)), Forward(again=True)


def _require_alone(feeds: Feeds, view: View) -> None:
    """Refuse other forms of files whose picture is not the only input, or has no batch."""
    if view.changes and (feeds.others or feeds.unbatched):
        what = "has no batch axis" if feeds.unbatched else f"also reads {', '.join(feeds.others)}"
        raise UsageError(
            f"the file {what}; bytes, overlays and other sizes and scales of maps need a batch of "
            "pictures as the only input"
        )


def _trials(pictures: tuple[Any, Any], alone: int | None) -> list[Any]:
    """Inputs on which the scores are compared: alone, and together if the batch is open."""
    x, other = pictures
    if alone:
        return [np.repeat(one, alone, axis=0) for one in pictures]
    return [x, np.concatenate([x, other, x[:, :, ::-1]])]


def _fix_size(model: onnx.ModelProto, name: str, shape: Sequence[int | None]) -> None:
    """Declare the size of the picture for which the maps are written; the batch stays open."""
    for value in model.graph.input:
        if value.name == name:
            dims = value.type.tensor_type.shape.dim
            for dim, length in zip(dims, shape[-len(dims) :], strict=True):
                if length is not None and not dim.dim_value:
                    dim.dim_value = length


def _describe(written: Written, model: Model, plan: Plan, forward: Forward) -> None:
    """Say in the file what it holds."""
    from onnxplain import __version__

    said: dict[str, Any] = {
        "version": __version__,
        "source_sha256": model.sha256,
        "methods": list(plan.methods),
        "inputs": dict(written.inputs),
        "defaults": {g.name: g.default.item() for g in plan.given if g.default.size == 1},
        "outputs": dict(written.outputs),
        "score": plan.explained.unit,
        "default_target": None if plan.target is None else str(plan.target),
        "forward": forward.name,
    }
    if plan.layer is not None:
        said["layer"] = plan.layer.name
    if INTEGRATED in plan.methods:
        said |= {"steps": plan.steps, "baseline": plan.baseline_name, "gap": written.gap}
    if plan.composite is not None:
        said["composite"] = plan.composite.to_dict()
    kept = [p for p in written.model.metadata_props if p.key != KEY]
    del written.model.metadata_props[:]
    written.model.metadata_props.extend(kept)
    written.model.metadata_props.add(key=KEY, value=json.dumps(said))
