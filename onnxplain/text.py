"""Text that comes from files, made fit to be shown: in a line, or in a notebook's table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any


def shown(text: str) -> str:
    r"""Text of one line for a terminal, a picture or a page.

    Names come from files: a control character becomes a space. A byte of a file name that
    is not UTF-8 (Python holds it as a lone surrogate) is written as JSON writes it, ``\udcff``,
    since no output can hold it.
    """
    return "".join(c if c.isprintable() else _written(c) for c in text)


def _written(character: str) -> str:
    return f"\\u{ord(character):04x}" if "\ud800" <= character <= "\udfff" else " "


def html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table as HTML.

    Parameters
    ----------
    title : str
        Stands above it.
    columns : sequence of str
        Headings.
    rows : sequence of sequence
        Cells; numbers get four digits, ``None`` is an empty cell.
    """
    head = "".join(f"<th>{_cell(c)}</th>" for c in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(v)}</td>' for v in row)}</tr>" for row in rows)
    return (
        f"<table><caption>{_cell(title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return escape(shown(f"{value:.4g}" if isinstance(value, float) else str(value)))
