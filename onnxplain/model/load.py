"""load() and explain(): the only orchestration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.explanation import Explanation
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.light import Weights
from onnxplain.graph.load import check, file_sha256, read_model
from onnxplain.graph.prepare import prepare
from onnxplain.inputs.guess import contradiction, guess_preprocess
from onnxplain.inputs.labels import find_labels
from onnxplain.inputs.preprocess import PRESETS, Preprocess, preset
from onnxplain.model.cut_model import model_at
from onnxplain.model.model import Model
from onnxplain.network.network import Network
from onnxplain.targets.classes import Target
from onnxplain.targets.request import TargetLike

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike

METADATA_KEY = "onnxplain.preprocess"


def load(
    path: str | Path | onnx.ModelProto,
    *,
    preprocess: Preprocess | str | Path | None = None,
    labels: str | Path | Sequence[str] | None = None,
    output: str | None = None,
    input_name: str | None = None,
    layout: str | None = None,
    bound: Mapping[str, NDArray[Any]] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    precision: str = "single",
    threads: int | None = None,
    at: str | None = None,
) -> Model:
    """Open an ONNX classifier.

    Parameters
    ----------
    path : path or onnx.ModelProto
        The model.
    preprocess : Preprocess, preset name or path, optional
        How pictures become inputs. Without it, ``<stem>.preprocess.json`` beside the
        model, then the model's metadata, then a guess (which is reported).
    labels : sequence of str, path or known list, optional
        Class names; looked for beside the model and in its metadata if not given.
    output : str, optional
        Graph output to explain, if there are several.
    input_name, layout : str, optional
        Graph input to explain and its layout, if the file leaves doubt.
    bound : mapping of str to array, optional
        Values of all other inputs.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int, optional
        Largest batch; changes memory and speed, not the result.
    precision : {"single", "double"}
        Arithmetic of gradient and relevance methods.
    threads : int, optional
        Threads within an operator of ONNX Runtime; its own choice if not given.
    at : str, optional
        Tensor inside of the graph's own preprocessing that is explained in the place of its
        input: ``float``, the first floating-point one; ``normalised``, the last one; or one
        between, by name.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file is not a valid ONNX model, or no image classifier.
    UsageError
        If preprocessing or labels do not fit the model, or `at` is no such tensor.
    """
    if isinstance(path, onnx.ModelProto):
        check(path, "model")
        proto, file, name = path, None, path.graph.name or "model"
        weights: Weights = {}
        sha256 = ""
    else:
        file = Path(path)
        (proto, weights), name = read_model(file), file.name
        sha256 = file_sha256(file)
    metadata = {p.key: p.value for p in proto.metadata_props}
    graph = prepare(proto, weights)
    del proto, weights  # the graph has what it needs
    recipe, origin = _declared(preprocess, file, metadata)
    image = find_image_input(
        graph,
        name=input_name,
        layout=layout or (recipe.layout if recipe else None),
        size=recipe.size if recipe else None,
    )
    warnings = []
    if isinstance(preprocess, str) and preprocess in PRESETS:
        recipe = preset(preprocess, image.layout, image.size, image.channels, image.dtype)
        origin = "preset"
    if recipe is None:
        recipe, reason = guess_preprocess(graph, image)
        origin = f"a guess: {reason}"
        warnings.append(
            f"preprocessing is guessed as {recipe.name!r} ({reason}); "
            "declare it with --preprocess FILE or PRESET"
        )
    if recipe.channels != image.channels:
        raise UsageError(
            f"preprocess {recipe.name!r} gives {recipe.channels} channels, input {image.name!r} "
            f"takes {image.channels}; set `color` to {'gray' if image.channels == 1 else 'RGB'!r}"
        )
    against = contradiction(graph, image, recipe)
    network = Network(
        graph,
        output=output,
        input_name=image.name,
        layout=image.layout,
        size=recipe.size,
        device=device,
        batch_size=batch_size,
        precision=precision,
        bound=bound,
        threads=threads,
    )
    names, labels_from = find_labels(labels, file, metadata, network.classes)
    if network.sums_to_one:
        warnings.append(
            f"output {network.head.output!r} sums to one without a final Softmax node: it is "
            "taken as probabilities, and gradients explain these"
        )
    model = Model(
        network,
        replace(recipe, dtype=image.dtype),
        names,
        name=name,
        sha256=sha256,
        sources={"preprocess": origin, "labels": labels_from},
        warnings=[*warnings, *([against] if against else [])],
    )
    return model if at is None else model_at(model, at)


def explain(
    model: Model | str | Path, image: ImageLike, method: str = "grad-cam", **options: Any
) -> Explanation:
    """Explain one picture; `model` may be a path. See `load` and `Model.explain`."""
    opened = model if isinstance(model, Model) else load(model)
    return opened.explain(image, method, **options)


def explain_all(
    model: Model | str | Path,
    images: Iterable[ImageLike],
    method: str = "grad-cam",
    targets: Sequence[TargetLike | Target] = (None,),
    **options: Any,
) -> list[list[Explanation]]:
    """Explain several targets of several pictures.

    Parameters
    ----------
    model : Model or path
        The model.
    images : iterable of path, PIL.Image.Image or array
        The pictures.
    method : str
        Method name.
    targets : sequence of str, int or None
        For each picture; ``top-3`` are the three classes most probable for that picture.
        Targets of one picture share their forward passes.
    **options
        See `Model.explain_targets`.

    Returns
    -------
    list of list of Explanation
        One list for each picture, in it one explanation for each target; each equals what
        `explain` gives for it alone.
    """
    opened = model if isinstance(model, Model) else load(model)
    return [opened.explain_targets(image, method, targets, **options) for image in images]


def _declared(
    given: Preprocess | str | Path | None, file: Path | None, metadata: Mapping[str, str]
) -> tuple[Preprocess | None, str]:
    if isinstance(given, Preprocess):
        return given, "given"
    if given is not None:
        if str(given) in PRESETS:
            return None, "preset"
        if not Path(given).exists():
            preset(str(given), "NCHW", (1, 1))  # says which presets there are
        return Preprocess.load(given), str(given)
    if file is not None:
        beside = file.with_name(file.stem + ".preprocess.json")
        if beside.is_file():
            return Preprocess.load(beside), beside.name
    if METADATA_KEY in metadata:
        try:
            data = json.loads(metadata[METADATA_KEY])
        except ValueError as error:
            raise UsageError(f"metadata {METADATA_KEY!r} is not JSON: {error}") from error
        return Preprocess.from_dict(data, f"metadata {METADATA_KEY!r}"), "metadata of the model"
    return None, ""
