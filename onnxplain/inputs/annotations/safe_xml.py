"""A small XML file as a tree, without what makes XML from strangers dangerous.

No document types: they define entities, which can grow without bound or read other files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from onnxplain.files import read_bytes

_MOST_BYTES, _DEEPEST, _MOST_ELEMENTS = 5_000_000, 20, 200_000


@dataclass
class Element:
    """An element with its text and what is inside."""

    tag: str
    text: str = ""
    inside: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """Return the elements of that tag directly inside."""
        return [e for e in self.inside if e.tag == tag]

    def said(self, tag: str) -> str:
        """Text of the first element of that tag directly inside; empty if there is none."""
        return next((e.text.strip() for e in self.inside if e.tag == tag), "")


def read_xml(path: Path) -> Element:
    """Read a file.

    Raises
    ------
    ValueError
        If it is no XML, nested too deep, or has a document type.
    UsageError
        If it cannot be read, or is too large.
    """
    content = read_bytes(path, "annotations", _MOST_BYTES)
    top = Element("")
    stack, count = [top], 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > _DEEPEST or count > _MOST_ELEMENTS:
            raise ValueError("it is nested too deep, or has too many elements")
        stack[-1].inside.append(Element(tag))
        stack.append(stack[-1].inside[-1])

    def end(tag: str) -> None:
        stack.pop()

    def text(said: str) -> None:
        stack[-1].text += said

    def refuse(*_: object) -> NoReturn:
        raise ValueError("it has a document type (<!DOCTYPE ...>), which is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    # In one piece, or text is handed over in thousands of small ones.
    parser.buffer_text = True
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"it is not XML: {error}") from error
    return top.inside[0]
