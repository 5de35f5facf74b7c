"""Text that comes from files, made fit to be shown."""

from __future__ import annotations


def shown(text: str) -> str:
    r"""Text of one line for a terminal, a picture or a page.

    Names come from files: a control character becomes a space. A byte of a file name that
    is not UTF-8 (Python holds it as a lone surrogate) is written as JSON writes it, ``\udcff``,
    since no output can hold it.
    """
    return "".join(c if c.isprintable() else _written(c) for c in text)


def _written(character: str) -> str:
    return f"\\u{ord(character):04x}" if "\ud800" <= character <= "\udfff" else " "
