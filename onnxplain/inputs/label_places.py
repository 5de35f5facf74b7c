"""Where class names are found that nobody gave: beside the model and in its metadata."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnxplain.errors import UsageError
from onnxplain.files import read_text, why_no_file
from onnxplain.inputs.label_forms import names_in, of_config, parse, placeholders
from onnxplain.inputs.label_text import names_of_file, names_of_lines

# Behind the stem of the model file.
_OWN = (".labels.json", ".labels.txt", ".labels.csv", "_labels.json", "_labels.txt", "_labels.csv")
# Names under which others' tools leave class names in the folder of a model.
_SHARED = (
    "labels.txt", "labels.json", "class_indices.json", "class_to_idx.json", "index_to_name.json",
    "imagenet_class_index.json", "synset.txt",
    "classes.txt", "classes.json", "class_names.txt", "class_names.json", "names.txt", "names",
    "data.yaml",
)  # fmt: skip
_CONFIG = "config.json"
# Of Hugging Face's repositories: the model may be in a folder of its own, below the config.
_BELOW = "onnx"
# Ultralytics writes "names", OpenVINO's model API "model_info labels".
_METADATA_KEYS = (
    "onnxplain.labels", "labels", "names", "classes", "class_names", "label_names", "id2label",
    "model_info labels",
)  # fmt: skip
_MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class Place:
    """A place where class names may be.

    Attributes
    ----------
    origin : str
        What it is called.
    read : callable
        Returns the names; none if there are none, a `UsageError` if they make no sense.
    shared : bool
        That it may belong to another model of the folder.
    """

    origin: str
    read: Callable[[], list[str]]
    shared: bool = False


def read_names(path: str | Path) -> list[str]:
    """Read the class names that a file holds, whatever its form.

    Raises
    ------
    UsageError
        If it cannot be read, or holds no names.
    """
    problem = why_no_file(path)
    if problem:
        raise UsageError(f"cannot read labels {str(path)!r}: {problem}")
    return names_of_file(read_text(path, "labels", _MOST_BYTES), str(path))


def own_file(model: Path) -> Path | None:
    """Return the file of names beside a model that carries its stem, if there is one."""
    beside = (model.with_name(model.stem + ending) for ending in _OWN)
    return next((p for p in beside if os.path.isfile(p)), None)


def metadata_places(metadata: Mapping[str, str], counts: Sequence[int]) -> Iterator[Place]:
    """Places in the model's own metadata.

    Parameters
    ----------
    metadata : mapping of str to str
        What the file says of itself.
    counts : sequence of int
        How many names would fit: a line that falls into as many words holds names.
    """
    for key in _METADATA_KEYS:
        text = metadata.get(key, "").strip()
        if text:
            origin = f"metadata {key!r} of the model"
            yield Place(origin, lambda text=text, o=origin: _of_text(text, o, counts))  # type: ignore[misc]


def folder_places(model: Path) -> Iterator[Place]:
    """Files in a model's folder that may hold its class names, and do not carry its stem."""
    for folder in _config_folders(model):
        path = folder / _CONFIG
        if os.path.isfile(path):
            yield Place(_CONFIG, lambda path=path: _of_config(path))  # type: ignore[misc]
    for name in _SHARED:
        path = model.with_name(name)
        if os.path.isfile(path):
            yield Place(name, lambda path=path: read_names(path), shared=True)  # type: ignore[misc]


def other_models(model: Path) -> bool:
    """Whether there are further models in a model's folder."""
    try:
        with os.scandir(model.parent) as entries:
            return any(e.name.lower().endswith(".onnx") and e.name != model.name for e in entries)
    except OSError:
        return False


def _config_folders(model: Path) -> list[Path]:
    folder = model.parent
    above = Path(os.path.abspath(folder))
    return [folder, above.parent] if above.name == _BELOW else [folder]


def _of_config(path: Path) -> list[str]:
    """Names in a configuration; many programs call theirs ``config.json``, which is no fault."""
    try:
        data = parse(read_text(path, "labels", _MOST_BYTES), path.name)
    except UsageError:
        return []
    found = of_config(data, path.name) if isinstance(data, dict) else None
    return [] if found is None or placeholders(found) else found


def _of_text(text: str, origin: str, counts: Sequence[int]) -> list[str]:
    try:
        data = parse(text, origin)
    except UsageError:
        data = None
    if isinstance(data, (list, tuple, dict)):
        return names_in(data, origin)
    if len(text.splitlines()) > 1 or 1 in counts:
        return names_of_lines(text, origin)
    for separator in (",", ";", None):
        words = [word.strip() for word in text.split(separator)]
        if len(words) in counts and all(words):
            return words
    return []  # a remark on the names, perhaps
