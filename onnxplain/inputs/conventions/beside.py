"""Files of other tools beside a model that say how its pictures are prepared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import read_json
from onnxplain.inputs.conventions import hugging_face, keras_hub, timm
from onnxplain.inputs.conventions.convention import Convention, one_line
from onnxplain.inputs.conventions.custom_vision import of_manifest, of_properties

_MOST = 5_000_000
Reader = Callable[[Mapping[str, Any], str], Convention | None]


@dataclass(frozen=True)
class Standard:
    """A file of a certain name.

    Attributes
    ----------
    name : str
        Its name.
    inner : str
        Key under which what counts may stand in it, besides at the top.
    belongs : callable
        Whether a JSON object is what it should be; another file of that name is passed over.
    read : callable
        Makes a convention of it, or raises a ValueError.
    """

    name: str
    inner: str
    belongs: Callable[[Mapping[str, Any]], bool]
    read: Reader


STANDARDS = (
    Standard(
        "preprocessor_config.json", "image_processor", hugging_face.belongs, hugging_face.read
    ),
    Standard("processor_config.json", "image_processor", hugging_face.belongs, hugging_face.read),
    Standard("config.json", "", timm.belongs, timm.read),
    Standard("preprocessor.json", "", keras_hub.belongs, keras_hub.read),
    Standard("image_converter.json", "", keras_hub.belongs, keras_hub.read),
    Standard(
        "metadata_properties.json", "", lambda data: bool(of_properties(data, "")), of_properties
    ),
    Standard("cvexport.manifest", "", lambda data: "DomainType" in data, of_manifest),
)


def read_standard_files(model: Path, warn: Callable[[str], None]) -> Iterator[Convention]:
    """Read those in the folder of a model.

    Parameters
    ----------
    model : Path
        The model file.
    warn : callable
        Told of each file that should be one and cannot be used.
    """
    for standard in STANDARDS:
        path = model.with_name(standard.name)
        if not os.path.isfile(path):
            continue
        try:
            found = _read(path, standard)
        except (UsageError, ValueError) as error:
            warn(f"{standard.name} beside the model is ignored: {one_line(error)}")
            continue
        if found is not None:
            yield found


def read_named(path: str | Path) -> Convention | None:
    """Read a file that the user named; ``None`` if it is of none of these tools.

    Raises
    ------
    UsageError
        If it is of one, but cannot be used.
    """
    data = read_json(path, "preprocess", _MOST)
    if not isinstance(data, Mapping) or {"layout", "size"} <= {*data}:
        return None
    for standard in STANDARDS:
        inner = _inner(data, standard)
        if standard.belongs(inner):
            try:
                return standard.read(inner, Path(path).name)
            except ValueError as error:
                raise UsageError(f"preprocess {str(path)!r}: {one_line(error)}") from error
    return None


def _read(path: Path, standard: Standard) -> Convention | None:
    data = read_json(path, "preprocessing", _MOST)
    if not isinstance(data, Mapping):
        raise ValueError("it is not a JSON object")
    inner = _inner(data, standard)
    return standard.read(inner, path.name) if standard.belongs(inner) else None


def _inner(data: Mapping[str, Any], standard: Standard) -> Mapping[str, Any]:
    found = data.get(standard.inner)
    return found if isinstance(found, Mapping) else data
