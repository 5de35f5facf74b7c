"""What a run of ``onnxplain explain`` found, as data; writing its files."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.boundary import unnamed
from onnxplain.cli.explain.relevance import strongest_channels
from onnxplain.errors import OnnxplainError
from onnxplain.render.look import Look
from onnxplain.render.overlay import drawn
from onnxplain.render.save import save_image, save_page
from onnxplain.render.sheet import sheet
from onnxplain.render.summary import verdict_of

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation
    from onnxplain.inputs.picture import Picture
    from onnxplain.targets.target import Target
    from onnxplain.tasks.boxes import Detected

# Methods with a picture of their own, known by a map that only they have, and what draws it: a
# function of that name in a module of that name.
_OWN_PICTURES = {
    "difference": "occlusion_maps",
    "dominant_class": "clear_maps",
    "standard_error": "error_maps",
}
# Boxes that the table lists and the picture shows.
LISTED_BOXES = 20
# Fonts and their caches are not made for several threads.
DRAWING = threading.Lock()
_RECORDED = (
    "method",
    "target",
    "score",
    "layer",
    "parameters",
    "measures",
    "notes",
    "warnings",
    "seconds",
)


@dataclass(frozen=True)
class Drawing:
    """How pictures are drawn: the look of maps, panels in a row of a sheet, and its format."""

    look: Look
    columns: int | None
    file_format: str


@dataclass(frozen=True)
class Failure:
    """Something that went wrong: where, why, and the exit code that it asks for."""

    where: str
    why: str
    exit_code: int


@dataclass(frozen=True)
class Attempt:
    """One method on one target of one image: an explanation with its files, or an error."""

    method: str
    target: Target
    explanation: Explanation | None = None
    files: tuple[Path, ...] = ()
    error: OnnxplainError | None = None
    sentences: tuple[str, ...] = ()
    cell: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """The method, and in a grid its cell's values."""
        values = ", ".join(f"{k} = {v}" for k, v in (self.cell or {}).items())
        return f"{self.method} ({values})" if values else self.method

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the explanation's numbers and files, or the error."""
        if self.explanation is None:
            return {
                "method": self.method,
                "target": self.target.to_dict(),
                **_error(self.error),
            }
        record = self.explanation.to_dict()
        return {
            "summary": " ".join(self.sentences),
            **{k: record[k] for k in _RECORDED},
            "engine": self.explanation.provenance["engine"],
            "channels": strongest_channels(self.explanation),
            "files": [str(f) for f in self.files],
            **_error(None),
        }


@dataclass
class ImageResult:
    """All that was found for one image.

    Attributes
    ----------
    path : Path
        The image.
    ranking : list of mapping
        Index, name and scores of the classes with the largest ones.
    attempts : list of Attempt
        In order of targets, then methods.
    files : list of Path
        Pictures that show several maps.
    error : OnnxplainError, optional
        Why there is nothing else.
    """

    path: Path
    ranking: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    error: OnnxplainError | None = None

    def explanations(self) -> list[Explanation]:
        """What succeeded."""
        return [a.explanation for a in self.attempts if a.explanation is not None]

    def fail(self, error: OnnxplainError) -> None:
        """Note why the image, or the rest of it, could not be explained."""
        self.error = error

    def trust(self) -> str:
        """What its maps were judged to be in all; empty if they were not judged."""
        said = [verdict_of(e).get("verdict") for e in self.explanations()]
        if not (words := [s for s in said if s]):
            return ""
        from onnxplain.evaluate.choose.choice import in_all  # few ask for verdicts

        return in_all(words)

    def without_maps(self) -> ImageResult:
        """What is printed of the image, once its maps are written: no memory for each picture."""
        return replace(self, attempts=[_without_maps(a) for a in self.attempts])

    def failures(self) -> list[Failure]:
        """What went wrong."""
        found = [("", self.error), *((f"{a.name}: ", a.error) for a in self.attempts)]
        return [
            Failure(str(self.path), f"{what}{unnamed(error, self.path)}", error.exit_code)
            for what, error in found
            if error is not None
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "image": str(self.path),
            "predictions": self.ranking,
            "explanations": [a.to_dict() for a in self.attempts],
            **({"trust": said} if (said := self.trust()) else {}),
            "files": [str(f) for f in self.files],
            **_error(self.error),
        }


def _without_maps(attempt: Attempt) -> Attempt:
    found = attempt.explanation
    if found is None:
        return attempt
    channels = {k: v for k, v in found.maps.items() if k == "channels"}
    nothing = np.zeros((1, 1, 1), np.uint8)
    return replace(
        attempt,
        explanation=replace(found, attribution=nothing[0], pixels=nothing, maps=channels),
    )


def write_explanation(
    explanation: Explanation, folder: Path, stem: str, look: Look
) -> tuple[Path, ...]:
    """Write overlay and raw numbers as ``<stem>.png`` and ``<stem>.npz``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    picture, numbers = folder / f"{stem}.png", folder / f"{stem}.npz"
    explanation.save(numbers)
    save_image(drawn(explanation, look), picture)
    return picture, numbers


def write_boxes(found: Detected, picture: Picture, folder: Path, name: str) -> Path:
    """Write the picture with its boxes, numbered as in the table, as ``<name>.boxes.png``.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from onnxplain.render.boxes import numbered  # a classifier has none

    path = folder / f"{name}.boxes.png"
    boxes = found.found.sides[:LISTED_BOXES].tolist()
    save_image(numbered(picture.pixels, boxes, found.names), path)
    return path


def write_sheets(
    explanations: Sequence[Explanation],
    folder: Path,
    name: str,
    labels: Sequence[str],
    *,
    together: bool = True,
    drawing: Drawing,
) -> list[Path]:
    """Write the sheet over methods and, for occlusion, CLEAR and sampling methods, their own maps.

    The sheet only if the methods are wanted `together`. One thread draws at a time.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    if not explanations:
        return []
    with DRAWING:
        return _drawn(explanations, folder, name, dict(enumerate(labels)), together, drawing)


def _drawn(
    explanations: Sequence[Explanation],
    folder: Path,
    name: str,
    names: Mapping[int, str],
    together: bool,
    drawing: Drawing,
) -> list[Path]:
    written, end = [], drawing.file_format
    if together:
        written.append(folder / f"{name}.sheet.{end}")
        page = sheet(explanations, look=drawing.look, columns=drawing.columns)
        save_page(page, written[-1])
    for key, drawing_of in _OWN_PICTURES.items():
        owners = [e for e in explanations if _own_picture(e) == key]
        for explanation in owners:
            draw = getattr(import_module(f"onnxplain.render.{drawing_of}"), drawing_of)
            targets = [e for e in owners if e.method == explanation.method]
            index = f".{explanation.target.stem}" if len(targets) > 1 else ""
            written.append(folder / f"{name}.{explanation.method}-maps{index}.{end}")
            save_page(draw(explanation, names), written[-1])
    return written


def _own_picture(explanation: Explanation) -> str | None:
    """The map that decides which picture of its own a method gets, if any."""
    return next((key for key in _OWN_PICTURES if key in explanation.maps), None)


def _error(error: OnnxplainError | None) -> dict[str, Any]:
    if error is None:
        return {"error": None, "exit_code": 0}
    return {"error": str(error), "exit_code": error.exit_code}
