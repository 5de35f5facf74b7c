"""load() and explain(): the only orchestration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx

from onnxplain.adapters.batch_choice import require_batch
from onnxplain.boundary import foreign, one_of_many
from onnxplain.errors import ModelFileError, OnnxplainError, UsageError
from onnxplain.explanations.explanation import Explanation
from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.answers.outputs import class_keys, find_outputs
from onnxplain.graph.carried import KEY, carried_maps, without_maps
from onnxplain.graph.image_input import find_image_input, size_warning
from onnxplain.graph.light import Weights
from onnxplain.graph.load import check, identify, open_model
from onnxplain.graph.unbatched import with_batch
from onnxplain.inputs.beside import BESIDE, read_beside
from onnxplain.inputs.bound import BoundValue
from onnxplain.inputs.conventions.windows import denotations
from onnxplain.inputs.declared import find_declared
from onnxplain.inputs.guess import contradiction, guess_preprocess, guess_warning
from onnxplain.inputs.labels import find_labels
from onnxplain.inputs.picture import sample_picture
from onnxplain.inputs.preprocess import Preprocess, is_preset, preset, preset_channels
from onnxplain.model.model import Model
from onnxplain.model.odd import prepared
from onnxplain.network.context import Progress
from onnxplain.network.network import Network
from onnxplain.targets.classes import Kind
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target
from onnxplain.tasks.find import names_of, require_task

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike

# A detector that writes labels may have any number of classes.
_MOST_NAMES = 100_000
# Axes of an array that holds several pictures.
_STACK = 4


def load(
    path: str | Path | onnx.ModelProto,
    *,
    preprocess: Preprocess | str | Path | None = None,
    labels: str | Path | Sequence[str] | Mapping[Any, Any] | None = None,
    output: str | None = None,
    task: str | None = None,
    scores: str | None = None,
    input_name: str | None = None,
    layout: str | None = None,
    size: tuple[int, int] | None = None,
    bound: Mapping[str, BoundValue] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    precision: str = "single",
    threads: int | None = None,
    at: str | None = None,
    engine: str | None = None,
) -> Model:
    """Open an ONNX model.

    Parameters
    ----------
    path : path or onnx.ModelProto
        The model.
    preprocess : Preprocess, preset name or path, optional
        How pictures become inputs. Without it, ``<stem>.preprocess.json`` beside the
        model, then the model's metadata, then a guess (which is reported).
    labels : sequence of str, {index: name}, {name: index}, path or known list, optional
        Class names; looked for beside the model and in its metadata if not given.
    output : str, optional
        Graph output to explain, if there are several, or a tensor in an output that is a
        sequence. Only what it is computed from is opened.
    task : {"classes", "yes-no", "labels", "values", "embedding"}, optional
        What the output answers; told by a file beside the model or the graph if not given.
    scores : {"logits", "probabilities", "raw"}, optional
        What its numbers are, where the graph does not make them probabilities.
    input_name, layout : str, optional
        Graph input to explain and its layout, if the file leaves doubt.
    size : (int, int), optional
        Height and width where the file leaves them open; that of the preprocessing, or 224
        by 224 with a warning, if not given.
    bound : mapping of str to array, number or path, optional
        Values of all other inputs that the explained output depends on, for one picture: a
        number fills the declared shape, a path is that of a ``.npy`` file.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    batch_size : int, optional
        Largest batch; changes memory and speed, not the result.
    precision : {"single", "double"}
        Arithmetic of gradient and relevance methods.
    threads : int, optional
        Threads within an operator of ONNX Runtime and PyTorch; their own choice if not given.
        PyTorch, whose number is the whole process's, gets it while it works for this model.
    at : str, optional
        Tensor inside of the graph's own preprocessing that is explained in the place of its
        input: ``float``, the first floating-point one; ``normalised``, the last one; or one
        between, by name.
    engine : str, optional
        ``onnxruntime`` or ``pytorch``: which of the two gives gradients. Or an engine of
        `onnxplain.adapters.engines.register_engine` that runs in the place of ONNX Runtime, and
        of PyTorch where it gives gradients or relevance; what it cannot do they do.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file is not a valid ONNX model, or no image classifier.
    UsageError
        If preprocessing, labels or bound values do not fit the model, or `at` is no such
        tensor.
    """
    if isinstance(path, onnx.ModelProto):
        identity = identify(path)
        check(path, "model")
        proto, file, name = path, None, path.graph.name or "model"
        weights: Weights = {}
    else:
        file = Path(path)
        (proto, weights, identity), name = open_model(file), file.name
    with foreign(lambda reason: ModelFileError(f"the metadata of {name!r}: {reason}")):
        metadata = {p.key: p.value for p in proto.metadata_props}
        of_inputs = denotations(proto)
        carried = carried_maps(proto)
        if carried is not None:
            proto = without_maps(proto, carried)
    graph = with_batch(prepared(proto, weights, name), input_name)
    del proto, weights  # the graph has what it needs
    beside = read_beside(file)
    task, scores, output = (
        given or beside.get(key)
        for key, given in (("task", task), ("scores", scores), ("output", output))
    )
    declared = find_declared(preprocess, beside, file, metadata | of_inputs)
    recipe, origin = declared.recipe, declared.origin
    if recipe is not None and size is not None:
        recipe = replace(recipe, size=size)
    hints: dict[str, Any] = {
        "name": input_name,
        "layout": layout or (recipe.layout if recipe else None),
        "size": recipe.size if recipe else size,
        "channels": recipe.channels if recipe else preset_channels(preprocess),
        "bound": bound or (),
        "usual_size": declared.usual_size,
    }
    outputs = find_outputs(
        graph, output, lambda: find_image_input(graph, **hints), metadata,
        boxes=task is None, layout=beside.get("boxes"),
    )  # fmt: skip
    keys = class_keys(graph, outputs)
    graph = outputs.cut(graph)
    image = find_image_input(graph, **hints)
    warnings = [text] if (text := size_warning(image)) else []
    if isinstance(preprocess, str) and is_preset(preprocess):
        recipe = preset(preprocess, image.layout, image.size, image.channels, image.dtype)
    if recipe is None:
        recipe, origin, said = declared.chosen(image)
        warnings += said
    if recipe is None:
        recipe, reason = guess_preprocess(graph, image)
        origin = f"a guess: {reason}"
        warnings.append(guess_warning(graph, image, name))
    if recipe.channels != image.channels:
        color = {1: "'gray'", 3: "'RGB'"}.get(
            image.channels, f"'bands' and give {image.channels} values of mean and std"
        )
        raise UsageError(
            f"preprocess {recipe.name!r} gives {recipe.channels} channels, input {image.name!r} "
            f"takes {image.channels}; set `color` to {color}"
        )
    against = contradiction(graph, image, recipe)
    network = Network(
        graph,
        outputs=outputs,
        task=task,
        scores=scores,
        metadata=metadata,
        input_name=image.name,
        layout=image.layout,
        size=image.size,
        channels=image.channels,
        device=device,
        batch_size=batch_size,
        precision=precision,
        bound=bound,
        threads=threads,
        engine=engine,
        example=cache(lambda: sample_picture(replace(recipe, dtype=image.dtype)).x),
    )
    require_task(network.answer)
    network = network.batch_first()
    if batch_size is not None:
        require_batch(network.graph, network.shapes, batch_size)
    answer = network.answer
    given = beside.get("labels") if labels is None else labels
    giver = "given" if file is None or labels is not None else f"{file.stem}{BESIDE}"
    named = find_labels(given, file, metadata, _counts(answer), keys, said=giver)
    warnings += [
        text for text in (network.choice_of_output, _reading(answer), answer.doubt) if text
    ]
    warnings += named.warnings
    if carried is None and KEY in metadata:
        warnings.append(
            f"the metadata {KEY!r} of the file say that it contains maps, but its graph does not; "
            "they are ignored"
        )
    model = Model(
        network,
        replace(recipe, dtype=image.dtype),
        names_of(answer.task, named.names),
        name=name,
        identity=identity,
        sources={
            "input": image.origin,
            "preprocess": origin,
            "labels": named.origin,
            "task": answer.evidence,
        },
        warnings=[*warnings, *([against] if against else [])],
    )
    model.carried = carried
    if at is None:
        return model
    from onnxplain.model.cut_model import model_at  # takes a while to load, for one option

    return model_at(model, at)


def explain(
    model: Model | str | Path,
    image: ImageLike,
    method: str = "grad-cam",
    target: TargetLike | Target = None,
    *,
    kind: Kind | None = None,
    contrast: str | int | None = None,
    margin: bool = False,
    seed: int = 0,
    allow_mismatch: bool = False,
    average: int | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> Explanation:
    """Explain one picture; `model` may be a path. See `load` and `Model.explain`."""
    opened = model if isinstance(model, Model) else load(model)
    return opened.explain(
        image, method, target, kind=kind, contrast=contrast, margin=margin, seed=seed,
        allow_mismatch=allow_mismatch, average=average, progress=progress, **parameters,
    )  # fmt: skip


def explain_all(
    model: Model | str | Path,
    images: ImageLike | Iterable[ImageLike],
    method: str = "grad-cam",
    targets: TargetLike | Target | Sequence[TargetLike | Target] = (None,),
    *,
    failed: Callable[[ImageLike, OnnxplainError], None] | None = None,
    kind: Kind | None = None,
    contrast: str | int | None = None,
    margin: bool = False,
    seed: int = 0,
    allow_mismatch: bool = False,
    average: int | None = None,
    progress: Progress | None = None,
    **parameters: Any,
) -> list[list[Explanation]]:
    """Explain several targets of several pictures.

    Parameters
    ----------
    model : Model or path
        The model.
    images : path, PIL.Image.Image or array, or an iterable of these
        The pictures.
    method : str
        Method name.
    targets : str, int, Target or None, or a sequence of these
        For each picture; ``top-3`` are the three classes most probable for that picture.
        Targets of one picture share their forward passes.
    failed : callable, optional
        Told of each picture that cannot be explained, and why; its list is empty then, and
        the others are explained. Without it, the first failure is raised.
    kind, contrast, margin, seed, allow_mismatch, average, progress
        See `Model.attempt_targets`.
    **parameters
        Parameters of the method.

    Returns
    -------
    list of list of Explanation
        One list for each picture, in it one explanation for each target; each equals what
        `explain` gives for it alone.
    """
    opened = model if isinstance(model, Model) else load(model)
    work = partial(
        opened.explain_targets, method=method, targets=targets, kind=kind, contrast=contrast,
        margin=margin, seed=seed, allow_mismatch=allow_mismatch, average=average,
        progress=progress, **parameters,
    )  # fmt: skip
    found: list[list[Explanation]] = []
    for image in _pictures(images):
        one: list[Explanation] = []
        if failed is None:
            one += work(image=image)
        else:
            with one_of_many(partial(failed, image)):
                one += work(image=image)
        found.append(one)
    return found


def _pictures(images: ImageLike | Iterable[ImageLike]) -> Iterable[ImageLike]:
    """Return one picture as a list of one: neither a path's letters nor an array's rows."""
    single = isinstance(images, (str, Path)) or not isinstance(images, Iterable)
    if isinstance(images, np.ndarray):
        single = images.ndim < _STACK
    return cast("Iterable[ImageLike]", [images] if single else images)


def _counts(answer: Answer) -> Sequence[int]:
    """How many names an answer can have."""
    if answer.task == "embedding":
        return ()
    if answer.task == "boxes" and not answer.shape[0]:
        return range(1, _MOST_NAMES)
    return (2, 1) if answer.task == "yes-no" else (answer.shape[answer.axis],)


def _reading(answer: Answer) -> str:
    """Say what was followed back from the output to the scores; empty if nothing was."""
    if not answer.followed:
        return ""
    return f"output {answer.output!r} is read after {', '.join(answer.followed)}"
