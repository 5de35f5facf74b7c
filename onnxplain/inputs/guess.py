"""What range of pixels does the graph suggest, if nobody declared one?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import numpy as np

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.input_axes import COLOURS
from onnxplain.graph.normalisation import InnerNormalisation, find_normalisation
from onnxplain.graph.view import Graph
from onnxplain.inputs.fit import WORST, against, misfit
from onnxplain.inputs.preprocess import BGR, PRESETS, Preprocess, preset, preset_channels
from onnxplain.inputs.undeclared import Undeclared

# The most usual one of each framework first.
_TORCH = ("imagenet-torch", "zero-one", "minus-one-one", "raw")
_KERAS = ("minus-one-one", "keras-tf", "raw", "zero-one", "keras-caffe", "keras-torch")
# Where the graph decides, the plainest one of equals first.
_PLAIN = ("raw", "zero-one", "minus-one-one")
# Fewer steps than this between black and white leave nothing of a picture.
_FEWEST_LEVELS = 32
_NAMED = 4


def guess_preprocess(graph: Graph, image: ImageInput) -> tuple[Preprocess, str]:
    """Guess the preprocessing from the graph.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input.

    Returns
    -------
    Preprocess
        A preset; an `Undeclared` where any would be a shot in the dark.
    str
        What the guess rests on, in one phrase.
    """
    inner = find_normalisation(graph, image)
    if inner is None and not _whole(image) and image.channels not in COLOURS:
        reason = f"nothing says how values of {image.channels} channels are scaled"
        return Undeclared.of(image), reason
    return plausible(graph, image)[0]


def plausible(graph: Graph, image: ImageInput) -> list[tuple[Preprocess, str]]:
    """List the presets that nothing in the graph speaks against.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input.

    Returns
    -------
    list of (Preprocess, str)
        At least one recipe; all of different names, with what speaks for each in one phrase,
        the most plausible one, which is what `guess_preprocess` takes if it takes any, first.
    """
    inner = find_normalisation(graph, image)
    usual = [
        preset(name, image.layout, image.size, image.channels, image.dtype)
        for name in _usual(image, inner)
    ]
    if inner is None:
        fitting = [r for r in usual if not _too_coarse(r)] or usual[:1]
        first, other = _habit(image), "nothing in the graph contradicts it"
    else:
        found = inner
        usual.sort(key=lambda recipe: misfit(found, recipe))
        fitting = [r for r in usual if not _against(found, r)] or usual[:1]
        first = _evidence(inner, image)
        other = "the graph does not contradict it either"
    return [(recipe, first if k == 0 else other) for k, recipe in enumerate(fitting)]


def contradiction(graph: Graph, image: ImageInput, recipe: Preprocess) -> str:
    """Say what in the graph speaks against a declared preprocessing; empty if nothing does."""
    inner = find_normalisation(graph, image)
    low, high = (float(f(b)) for f, b in zip((np.min, np.max), recipe.bounds(), strict=True))
    what = f"preprocess {recipe.name!r} gives inputs of {low:.3g}..{high:.3g}"
    if _too_coarse(recipe):
        return (
            f"{what} as whole numbers ({recipe.dtype}), which leaves little of a picture; "
            "the model may need the pixels themselves, 0..255"
        )
    said = "" if inner is None else against(inner, recipe)
    if not said:
        return ""
    order = inner is not None and recipe.color in ("RGB", "BGR") and "channels as" in said
    if order:
        return f"preprocess {recipe.name!r} gives {recipe.color}, but {said}"
    return f"{what}, but {said}; it may need another scale (0..1 or 0..255)"


def guess_warning(graph: Graph, image: ImageInput, model: str) -> str:
    """Say that the preprocessing is guessed, as what, why, what else it may be, and what to do.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input.
    model : str
        Name of the model file.
    """
    recipe, reason = guess_preprocess(graph, image)
    unknown = isinstance(recipe, Undeclared)
    what = "unknown" if unknown else f"guessed as {recipe.name!r}"
    others = [r.name for r, _ in plausible(graph, image) if r.name != recipe.name]
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    listed = f"; it could also be {', '.join(others[:_NAMED])}{more}" if others else ""
    attempt = f"`onnxplain inspect {shlex.quote(model)} --try IMAGES`"
    return (
        f"preprocessing is {what} ({reason}){listed}: {attempt} shows the model's answers with "
        "each; declare it with --preprocess FILE or PRESET"
    )


def _usual(image: ImageInput, inner: InnerNormalisation | None) -> Iterator[str]:
    """Names of presets that are for such an input, the most usual one first."""
    decided = inner is not None and inner.changes
    habit: tuple[str, ...] = _KERAS if image.layout == "NHWC" else _TORCH
    if image.channels != 3:
        habit = ("zero-one", "minus-one-one", "raw")
    names = [*(_PLAIN if decided else ()), *habit, *PRESETS, f"raw{BGR}"]
    if decided and inner is not None and inner.order == "BGR":
        names.append(f"zero-one{BGR}")
    if _whole(image):
        names = ["raw", f"raw{BGR}"]
    for name in dict.fromkeys(names):
        if preset_channels(name) in (None, image.channels):
            yield name


def _habit(image: ImageInput) -> str:
    if _whole(image):
        return f"the input is {image.dtype}"
    if image.channels == 1:
        return "a grey image without normalisation in the graph"
    if image.channels not in COLOURS:
        return f"nothing says how values of {image.channels} channels are scaled"
    if image.layout == "NHWC":
        return "channels come last, as Keras and TensorFlow write them"
    return "channels come first, as PyTorch writes them"


def _evidence(inner: InnerNormalisation, image: ImageInput) -> str:
    if _whole(image):
        return _habit(image)
    if "scale" in inner.pixels.free:
        what = "scale and shift do" if "shift" in inner.pixels.free else "its scale does"
        return (
            f"the graph divides each picture by its own deviation (tensor "
            f"{inner.nodes[-1].output!r}), so that {what} not matter"
        )
    if inner.changes:
        order = f", with channels as {inner.order}" if inner.order else ""
        where = inner.nodes[-1].output
        return f"the graph normalises its input itself (tensor {where!r}{order})"
    limit = inner.pixels.limits[0] if inner.pixels.limits else None
    if limit is None or not np.isfinite([limit.low, limit.high]).all():
        return _habit(image)
    what = "limits its input" if limit.kind == "clipped" else "was quantised for values"
    return f"the graph {what} to {limit.low:.3g}..{limit.high:.3g} (tensor {limit.tensor!r})"


def _whole(image: ImageInput) -> bool:
    return np.dtype(image.dtype).kind in "iu"


def _too_coarse(recipe: Preprocess) -> bool:
    """Whether rounding to whole numbers leaves little of a picture."""
    if np.dtype(recipe.dtype).kind not in "iu":
        return False
    low, high = recipe.bounds()
    return bool((high.astype(float) - low.astype(float)).max() < _FEWEST_LEVELS)


def _against(inner: InnerNormalisation, recipe: Preprocess) -> bool:
    return _too_coarse(recipe) or misfit(inner, recipe) > WORST or bool(against(inner, recipe))
