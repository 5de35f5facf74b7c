"""Which image files are meant, and what their results are called."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.image_formats import SUFFIXES, image_files
from onnxplain.inputs.table_names import is_table

_PATTERN = frozenset("*?[")
_MODEL = ".onnx"
# Bytes of a stem: file systems allow names of 255, and what is added to it takes up to 100.
_LONGEST, _KEPT = 150, 120


def find_images(arguments: Iterable[str]) -> tuple[list[Path], list[ImageError]]:
    """Turn files, folders and patterns into image files, each once and in order.

    Parameters
    ----------
    arguments : iterable of str
        A file is taken as it is, whatever its name; of a folder or pattern the files with
        the ending of an image are taken (``**`` looks into folders).

    Returns
    -------
    list of Path
        The files; one that was named but does not exist is among them.
    list of ImageError
        One for each folder or pattern without images.
    """
    found: dict[Path, None] = {}
    empty: list[ImageError] = []
    for argument in arguments:
        path = Path(argument)
        if os.path.isdir(path):
            matches = _in_folder(path, empty)
            if matches is None:
                continue
        elif not os.path.exists(path) and _PATTERN.intersection(argument):
            matches = image_files(Path(m) for m in glob.glob(argument, recursive=True))
        else:
            matches = [path]
        if not matches:
            empty.append(
                ImageError(f"no image in {argument!r}; image files end in {', '.join(SUFFIXES)}")
            )
        found.update(dict.fromkeys(matches))
    return list(found), empty


def require_order(model: str, data: Sequence[str]) -> None:
    """Refuse pictures that stand where the model should, and a model among the pictures.

    Raises
    ------
    UsageError
        With the order that was meant.
    """
    models = [d for d in data if Path(d).suffix.lower() == _MODEL]
    if is_picture(model) or (models and os.path.isdir(model)):
        said = f"{models[0]} {model}" if models else f"MODEL.onnx {model}"
        raise UsageError(f"{model!r} is where the model should be; the model comes first: {said}")
    if models:
        raise UsageError(
            f"{models[0]!r} is a model, not a picture; only `compare` takes several models"
        )


def is_picture(argument: str) -> bool:
    """Whether an argument is named as an image file is."""
    return Path(argument).suffix.lower() in SUFFIXES


def is_data(argument: str) -> bool:
    """Whether an argument is a folder, a table, a pattern, or is named as an image file is."""
    if os.path.isdir(argument) or is_picture(argument) or is_table(argument):
        return True
    return bool(_PATTERN.intersection(argument)) and not os.path.exists(argument)


def result_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Give each image a name for its results: its stem, numbered where stems repeat."""
    short = {p: shortened(p.stem) for p in paths}
    stems = {s.casefold() for s in short.values()}
    taken: set[str] = set()
    names: dict[Path, str] = {}
    for path, stem in short.items():
        name, number = stem, 1
        # On many disks "Cat" and "cat" are one file; "cat-2" may be another image's stem.
        while name.casefold() in taken or (number > 1 and name.casefold() in stems):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names[path] = name
    return names


def shortened(stem: str) -> str:
    """Stem to which method, layer and ending can be added; a long one ends in its own digest."""
    if len(os.fsencode(stem)) <= _LONGEST:
        return stem
    digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    return f"{cut(stem, _KEPT)}~{digest}"


def cut(name: str, most: int) -> str:
    """Beginning of a name that takes at most so many bytes."""
    name = name[:most]
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


def _in_folder(folder: Path, empty: list[ImageError]) -> list[Path] | None:
    try:
        return image_files(folder.iterdir())
    except OSError as error:
        empty.append(ImageError(f"cannot read folder {str(folder)!r}: {error.strerror}"))
        return None
