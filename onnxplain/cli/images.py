"""Which image files are meant, and what their results are called."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from onnxplain.errors import ImageError
from onnxplain.inputs.dataset import image_files
from onnxplain.inputs.image import SUFFIXES

_PATTERN = frozenset("*?[")


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
        if path.is_dir():
            matches = image_files(path.iterdir())
        elif not path.exists() and _PATTERN.intersection(argument):
            matches = image_files(Path(m) for m in glob.glob(argument, recursive=True))
        else:
            matches = [path]
        if not matches:
            empty.append(
                ImageError(f"no image in {argument!r}; image files end in {', '.join(SUFFIXES)}")
            )
        found.update(dict.fromkeys(matches))
    return list(found), empty


def result_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Give each image a name for its results: its stem, numbered where stems repeat."""
    stems = {p.stem.casefold() for p in paths}
    taken: set[str] = set()
    names: dict[Path, str] = {}
    for path in paths:
        name, number = path.stem, 1
        # On many disks "Cat" and "cat" are one file; "cat-2" may be another image's stem.
        while name.casefold() in taken or (number > 1 and name.casefold() in stems):
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.casefold())
        names[path] = name
    return names
