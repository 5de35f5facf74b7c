"""What range of pixels does the graph suggest, if nobody declared one?"""

from __future__ import annotations

import numpy as np

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.input_axes import COLOURS
from onnxplain.graph.normalisation import find_normalisation
from onnxplain.graph.view import Graph
from onnxplain.inputs.preprocess import PRESETS, Preprocess, preset, preset_channels
from onnxplain.inputs.undeclared import Undeclared

# A trained network's first convolution sees values of a few units, around zero or above.
_SMALLEST_SPAN, _LARGEST_SPAN = 0.4, 40.0


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
    name, reason = _guess(graph, image)
    if not name:
        return Undeclared.of(image), reason
    recipe = preset(name, image.layout, image.size, image.channels, image.dtype)
    return recipe, reason


def contradiction(graph: Graph, image: ImageInput, recipe: Preprocess) -> str:
    """Say what in the graph speaks against a declared preprocessing; empty if nothing does."""
    inner = find_normalisation(graph, image)
    if inner is None:
        return ""
    low, high = (float(f(b)) for f, b in zip((np.min, np.max), recipe.bounds(), strict=True))
    span = inner.span(low, high)
    if _SMALLEST_SPAN <= span <= _LARGEST_SPAN:
        return ""
    return (
        f"preprocess {recipe.name!r} gives inputs of {low:.3g}..{high:.3g}, but the graph "
        f"normalises its input itself (at tensor {inner.nodes[-1].output!r}) to a span of "
        f"{span:.2g}; the other scale (0..1 or 0..255) may be meant"
    )


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
        Recipes of different names with what speaks for each in one phrase, the most
        plausible one, which is what `guess_preprocess` takes if it takes any, first.
    """
    first, reason = _guess(graph, image)
    found = [(first, reason)] if first else []
    whole = np.dtype(image.dtype).kind in "iu"
    for name in PRESETS:
        wanted = preset_channels(name)
        if name == first or whole or (wanted is not None and image.channels != wanted):
            continue
        found.append((name, "nothing in the graph speaks against it"))
    made = [
        (preset(name, image.layout, image.size, image.channels, image.dtype), why)
        for name, why in found
    ]
    return [(recipe, why) for recipe, why in made if not contradiction(graph, image, recipe)]


def _guess(graph: Graph, image: ImageInput) -> tuple[str, str]:
    if np.dtype(image.dtype).kind in "iu":
        return "raw", f"the input is {image.dtype}"
    inner = find_normalisation(graph, image)
    if inner is not None:
        where = f"the graph normalises its input itself (tensor {inner.nodes[-1].output!r})"
        raw_fits = inner.span(0, 255) <= _LARGEST_SPAN
        return ("raw" if raw_fits else "zero-one"), where
    if image.channels not in COLOURS:
        return "", f"nothing says how values of {image.channels} channels are scaled"
    if image.channels == 1:
        return "zero-one", "a grey image without normalisation in the graph"
    if image.layout == "NHWC":
        return "minus-one-one", "channels come last, as Keras and TensorFlow write them"
    return "imagenet-torch", "channels come first, as PyTorch writes them"
