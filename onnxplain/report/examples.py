"""Single pictures in a report: what the model saw, with each method's map to lay over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.records.pictures import Done, Picture
from onnxplain.errors import ImageError
from onnxplain.files import why_no_file
from onnxplain.graph.load import file_sha256
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.source import shown_input
from onnxplain.methods import registered
from onnxplain.render.embedded import layer_uri, photo_uri
from onnxplain.report.curves import Curves, picture_curves

# The map of a picture by a method, or nothing if it was not kept.
Maps = Callable[[int, str], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Example:
    """One picture of a report.

    Attributes
    ----------
    number : int
        In the record.
    entry : Done
        What the record says of it.
    photo : str
        Data URI of what the model saw; empty if the file is gone or is another one.
    layers : mapping of str to str
        Data URI of each method's map.
    missing : str
        Why there is no photo; empty if there is one.
    curves : list of Curves
        Deletion and insertion by each method.
    """

    number: int
    entry: Done
    photo: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    curves: Sequence[Curves] = ()


def examples(
    wanted: Iterable[int],
    pictures: Iterable[Picture],
    files: Mapping[str, Path],
    recipe: Preprocess,
    maps: Maps,
) -> dict[int, Example]:
    """Draw the wanted pictures.

    Parameters
    ----------
    wanted : iterable of int
        Their numbers.
    pictures : iterable of Picture
        The record's entries, read once.
    files : mapping of str to Path
        Where the picture of each name is.
    recipe : Preprocess
        How a file became what the model saw.
    maps : callable
        See `Maps`.

    Returns
    -------
    dict of int to Example
        Those that were examined.
    """
    numbers = set(wanted)
    found = {}
    for entry in pictures:
        if entry.number in numbers and isinstance(entry, Done):
            photo, missing = photo_of(entry, files, recipe)
            layers = dict(_layers(entry, maps))
            number, curves = entry.number, picture_curves(entry)
            found[number] = Example(number, entry, photo, layers, missing, curves)
    return found


def photo_of(entry: Done, files: Mapping[str, Path], recipe: Preprocess) -> tuple[str, str]:
    """Data URI of what the model saw, and why there is none."""
    path = files.get(entry.name)
    if path is None:
        return "", "the file no longer exists"
    problem = why_no_file(path)
    if problem:
        return "", f"the file cannot be read: {problem}"
    try:
        # A record may come from anybody: only the file that it speaks of goes into the report.
        if file_sha256(path) != entry.file_sha256:
            return "", "the file has changed since"
        return photo_uri(shown_input(path, recipe)), ""
    except (OSError, ImageError) as error:
        return "", f"the file cannot be read: {error}"


def _layers(entry: Done, maps: Maps) -> Iterable[tuple[str, str]]:
    cards = registered()
    for method in entry.methods:
        values = maps(entry.number, method)
        if values is not None:
            side = int(np.sqrt(values.size))
            display = cards[method].display if method in cards else "signed"
            yield method, layer_uri(values.reshape(side, side), display)
