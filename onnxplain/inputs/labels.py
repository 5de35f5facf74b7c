"""Names of the classes: given, beside the model, inside of it, or a known list."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.inputs.label_count import misfit
from onnxplain.inputs.label_forms import names_in
from onnxplain.inputs.label_order import refusal
from onnxplain.inputs.label_places import (
    Place,
    folder_places,
    metadata_places,
    other_models,
    own_file,
    read_names,
)

KNOWN_LISTS = ("imagenet1k",)
# So many counts that fit are no evidence for any of them.
_OPEN = 10
_GUESSED = "1000 classes, as in ImageNet-1k"


@dataclass(frozen=True)
class Labels:
    """Display names of the classes.

    Attributes
    ----------
    names : list of str
        In class order; empty if no names were found.
    origin : str
        Where they came from.
    warnings : tuple of str
        What was guessed, and what was found and left.
    """

    names: list[str]
    origin: str
    warnings: tuple[str, ...] = ()


def find_labels(
    given: str | Path | Sequence[str] | Mapping[Any, Any] | None,
    path: Path | None,
    metadata: Mapping[str, str],
    counts: Sequence[int],
    keys: Sequence[str] = (),
    *,
    said: str = "given",
) -> Labels:
    """Find the display names of the classes.

    Parameters
    ----------
    given : sequence of str, mapping, path, or name of a known list, optional
        What the user asked for.
    path : path, optional
        The model file; files beside it are looked at.
    metadata : mapping of str to str
        The model file's own metadata.
    counts : sequence of int
        How many names would fit: the number of classes or values; both sides of a yes/no
        answer, or yes alone.
    keys : sequence of str
        By which the model's own map of probabilities names the classes, if it has one.
    said : str
        Where names that are given as data come from.

    Raises
    ------
    UsageError
        If names that were given, or those in a file that carries the model's stem, do not
        fit the number of classes or make no sense.
    """
    if given is not None:
        if isinstance(given, (str, Path)):
            return Labels(_fitting(_load(str(given)), counts, str(given)), str(given))
        data = given if isinstance(given, Mapping) else list(given)
        where = "the labels given" if said == "given" else said
        return Labels(_fitting(names_in(data, where), counts, where), said)
    own = None if path is None else own_file(path)
    if own is not None:
        return Labels(_fitting(read_names(own), counts, str(own)), own.name)
    warnings: list[str] = []
    if not counts:  # an answer that has no names: whatever is found is not meant for it
        return Labels([], "none")
    inside = _fitting_ones(metadata_places(metadata, counts), counts, warnings)
    if inside:
        return Labels(inside[0][1], inside[0][0].origin, tuple(warnings))
    if keys and len(keys) in counts:
        return Labels(list(keys), "the keys of the model's own map (ZipMap)", tuple(warnings))
    if path is not None:
        beside = _fitting_ones(folder_places(path), counts, warnings)
        if beside:
            warnings += _doubts(beside, path)
            return Labels(beside[0][1], beside[0][0].origin, tuple(warnings))
    if 1000 in counts and len(counts) < _OPEN:
        warnings.append(
            f"class names are a guess ({_GUESSED}); name them with --labels FILE, or confirm with "
            "--labels imagenet1k"
        )
        return Labels(known_list("imagenet1k"), f"a guess: {_GUESSED}", tuple(warnings))
    return Labels([], "none", tuple(warnings))


def known_list(name: str) -> list[str]:
    """Class names of a well-known data set, in its usual order."""
    text = resources.files("onnxplain").joinpath(f"data/{name}.json").read_text("utf-8")
    return list(json.loads(text))


def _load(name: str) -> list[str]:
    if name in KNOWN_LISTS and not os.path.exists(name):
        return known_list(name)
    try:
        return read_names(name)
    except UsageError as error:
        if os.path.isfile(name):
            raise
        raise UsageError(
            f"{error}; give a file of names (.json, .csv, .yaml, or text with one name per line), "
            f"or one of {', '.join(KNOWN_LISTS)}"
        ) from error


def _fitting(names: list[str], counts: Sequence[int], where: str) -> list[str]:
    problem = misfit(names, counts)
    if problem:
        raise refusal(where, problem)
    return names


def _fitting_ones(
    places: Iterable[Place], counts: Sequence[int], warnings: list[str]
) -> list[tuple[Place, list[str]]]:
    """Places with names that fit; why others are left is added to the warnings."""
    found = []
    for place in places:
        try:
            names = place.read()
            if names:
                found.append((place, _fitting(names, counts, place.origin)))
        except UsageError as error:
            warnings.append(f"the class names that were found are not used: {error}")
    return found


def _doubts(found: Sequence[tuple[Place, list[str]]], model: Path) -> list[str]:
    """Say why names in the model's folder may not be its own; empty if nothing speaks for it."""
    (place, names), *others = found
    against = [p.origin for p, other in others if [*map(_plain, other)] != [*map(_plain, names)]]
    doubts = []
    if against:
        doubts.append(f"{', '.join(against)} beside it says otherwise")
    if place.shared and other_models(model):
        doubts.append("it may belong to another model of the folder")
    if not doubts:
        return []
    return [
        f"class names are taken from {place.origin}, but {' and '.join(doubts)}; name the right "
        f"file with --labels, or call it {model.stem}.labels{Path(place.origin).suffix or '.txt'}"
    ]


def _plain(name: str) -> str:
    """Name without its synonyms and its way of writing spaces."""
    return name.split(",")[0].replace("_", " ").strip().lower()
