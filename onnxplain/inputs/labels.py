"""Names of the classes: given, beside the model, inside of it, or a known list."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import read_json, read_text

# Metadata keys under which exporters leave class names (Ultralytics writes "names").
_METADATA_KEYS = ("onnxplain.labels", "labels", "names", "classes")
KNOWN_LISTS = ("imagenet1k",)


def find_labels(
    given: str | Path | Sequence[str] | None,
    path: Path | None,
    metadata: Mapping[str, str],
    counts: Sequence[int],
    keys: Sequence[str] = (),
) -> tuple[list[str], str]:
    """Find the display names of the classes.

    Parameters
    ----------
    given : sequence of str, path, or name of a known list, optional
        What the user asked for.
    path : path, optional
        The model file; ``<stem>.labels.json`` or ``<stem>.labels.txt`` beside it is used.
    metadata : mapping of str to str
        The model file's own metadata.
    counts : sequence of int
        How many names would fit: the number of classes or values; both sides of a yes/no
        answer, or yes alone.
    keys : sequence of str
        By which the model's own map of probabilities names the classes, if it has one.

    Returns
    -------
    list of str
        In class order; empty if no names were found.
    str
        Where they came from.

    Raises
    ------
    UsageError
        If the names given do not fit the number of classes.
    """
    if given is not None:
        if isinstance(given, (str, Path)):
            return _fitting(_load(str(given)), counts, str(given)), str(given)
        return _fitting(list(given), counts, "the labels given"), "given"
    if path is not None:
        for ending in (".labels.json", ".labels.txt"):
            beside = path.with_name(path.stem + ending)
            if os.path.isfile(beside):
                return _fitting(_load(str(beside)), counts, str(beside)), beside.name
    for key in _METADATA_KEYS:
        names = _from_text(metadata.get(key, ""))
        if names and len(names) in counts:
            return names, f"metadata {key!r} of the model"
    if keys and len(keys) in counts:
        return list(keys), "the keys of the model's own map (ZipMap)"
    if 1000 in counts:
        return known_list("imagenet1k"), "a guess: 1000 classes are taken for ImageNet-1k"
    return [], "none"


def known_list(name: str) -> list[str]:
    """Class names of a well-known data set, in its usual order."""
    text = resources.files("onnxplain").joinpath(f"data/{name}.json").read_text("utf-8")
    return list(json.loads(text))


def _load(name: str) -> list[str]:
    if name in KNOWN_LISTS and not os.path.exists(name):
        return known_list(name)
    if Path(name).suffix.lower() == ".json":
        return _names(read_json(name, "labels"), name)
    try:
        lines = read_text(name, "labels").splitlines()
    except UsageError as error:
        raise UsageError(
            f"{error}; give a .json list, a text file with one name a line, or one of "
            f"{', '.join(KNOWN_LISTS)}"
        ) from error
    return [line.strip() for line in lines if line.strip()]


def _names(data: Any, where: str) -> list[str]:
    if isinstance(data, dict) and all(str(k).isdecimal() for k in data):
        data = [data[k] for k in sorted(data, key=lambda k: int(k))]
    if not isinstance(data, list) or not all(isinstance(n, (str, int, float)) for n in data):
        raise UsageError(f"labels {where!r}: expected a JSON list of names, or index to name")
    return [str(n) for n in data]


def _from_text(text: str) -> list[str]:
    for read in (json.loads, ast.literal_eval):
        try:
            return _names(read(text), "metadata")
        except (ValueError, SyntaxError, TypeError, UsageError, RecursionError, MemoryError):
            continue
    return [line.strip() for line in text.splitlines() if line.strip()]


def _fitting(names: list[str], counts: Sequence[int], where: str) -> list[str]:
    if len(names) not in counts:
        fit = " or ".join(map(str, counts)) or "no"
        raise UsageError(f"labels {where!r}: {len(names)} names, but the model has {fit} classes")
    return names
