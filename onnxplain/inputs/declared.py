"""What is declared of the preprocessing: by the user, by our own files, or by other tools'."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.errors import UsageError
from onnxplain.graph.image_input import ImageInput
from onnxplain.inputs.beside import BESIDE
from onnxplain.inputs.conventions.beside import read_named, read_standard_files
from onnxplain.inputs.conventions.convention import Convention, one_line
from onnxplain.inputs.conventions.metadata import read_metadata
from onnxplain.inputs.preprocess import Preprocess, is_preset, preset

METADATA_KEY = "onnxplain.preprocess"
_FRAMING = ("resize", "resize_to", "crop_fraction", "interpolation", "position", "fill")


@dataclass(frozen=True)
class Declared:
    """What is declared, before it is known which input it is for.

    Attributes
    ----------
    recipe : Preprocess, optional
        A complete one, which decides.
    origin : str
        Where that comes from.
    conventions : tuple of Convention
        What other tools' files say, the first one first.
    named : bool
        Whether the user named the file that says it.
    warnings : tuple of str
        What could not be used.
    """

    recipe: Preprocess | None = None
    origin: str = ""
    conventions: tuple[Convention, ...] = ()
    named: bool = False
    warnings: tuple[str, ...] = field(default=())

    @property
    def usual_size(self) -> tuple[tuple[int, int], str] | None:
        """Height and width where the file leaves them open, and who says so."""
        found = (c for c in self.conventions if c.size is not None)
        first = next(found, None)
        return None if first is None or first.size is None else (first.size, first.source)

    def chosen(self, image: ImageInput) -> tuple[Preprocess | None, str, list[str]]:
        """Make the recipe of what other tools' files say.

        Returns
        -------
        Preprocess or None
            ``None`` if there are none, or none of them fits the input.
        str
            Where it comes from.
        list of str
            What a person has to know: what does not fit, is left open or contradicts.

        Raises
        ------
        UsageError
            If the file that does not fit was named by the user.
        """
        said = list(self.warnings)
        made: list[tuple[Convention, Preprocess]] = []
        for convention in self.conventions:
            try:
                made.append((convention, convention.recipe(image)))
            except UsageError as error:
                if self.named:
                    raise UsageError(
                        f"preprocess {convention.source}: {one_line(error)}"
                    ) from error
                said.append(
                    f"{convention.source} does not fit this model and is ignored: {one_line(error)}"
                )
        if not made:
            return None, "", said
        (first, recipe), others = made[0], made[1:]
        said += [f"preprocessing from {first.source}: {doubt}" for doubt in first.doubts]
        if first.size is not None and first.size != image.size and not image.free_size:
            (height, width), (rows, columns) = first.size, image.size
            said.append(
                f"{first.source} is for inputs of {height} x {width}, but the model takes {rows} x "
                f"{columns}; the picture is cropped in the same proportion"
            )
        for convention, other in others:
            differing = _differing(recipe, other, first, convention)
            if differing:
                said.append(
                    f"{first.source} and {convention.source} contradict each other "
                    f"({', '.join(differing)}); the first one is used"
                )
        return recipe, first.source, said


def find_declared(
    given: Preprocess | str | Path | None,
    beside: Mapping[str, Any],
    file: Path | None,
    metadata: Mapping[str, str],
) -> Declared:
    """Find what is declared, the user's word first.

    Parameters
    ----------
    given : Preprocess, preset name or path, optional
        What the user asked for.
    beside : mapping
        What `onnxplain.inputs.beside.read_beside` found.
    file : Path, optional
        The model file.
    metadata : mapping of str to str
        Those of the model, and of its inputs.

    Raises
    ------
    UsageError
        If a file that was named, or one of our own, cannot be used.
    """
    if isinstance(given, Preprocess):
        return Declared(given, "given")
    if given is not None:
        return _named(given)
    if file is not None and "preprocess" in beside:
        where = f"{file.stem}{BESIDE}"
        return Declared(Preprocess.from_dict(beside["preprocess"], repr(where)), where)
    if file is not None:
        own = file.with_name(file.stem + ".preprocess.json")
        if os.path.isfile(own):  # also False for a name that is too long
            return Declared(Preprocess.load(own), own.name)
    if METADATA_KEY in metadata:
        try:
            data = json.loads(metadata[METADATA_KEY])
        except (ValueError, RecursionError) as error:
            raise UsageError(f"metadata {METADATA_KEY!r} is not JSON: {error}") from error
        recipe = Preprocess.from_dict(data, f"metadata {METADATA_KEY!r}")
        return Declared(recipe, "metadata of the model")
    warnings: list[str] = []
    conventions = list(read_metadata(metadata, warnings.append))
    if file is not None:
        conventions += read_standard_files(file, warnings.append)
    return Declared(conventions=tuple(conventions), warnings=tuple(warnings))


def _named(given: str | Path) -> Declared:
    if is_preset(str(given)):
        return Declared(origin="preset")
    if not os.path.exists(given):
        preset(str(given), "NCHW", (1, 1))  # says which presets there are
    convention = read_named(given)
    if convention is not None:
        return Declared(conventions=(convention,), named=True)
    return Declared(Preprocess.load(given), str(given))


def _differing(
    one: Preprocess, two: Preprocess, first: Convention, second: Convention
) -> list[str]:
    """In what two recipes differ that both of them were told."""
    found = []
    if one.color != two.color:
        found.append(f"{one.color} and {two.color}")
    else:
        for a, b, what in zip(one.bounds(), two.bounds(), ("black", "white"), strict=True):
            if not np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-3, atol=1e-3):
                found.append(f"values of {what}")
    both = [key for key in _FRAMING if key in first.values and key in second.values]
    return found + [key for key in both if getattr(one, key) != getattr(two, key)]
