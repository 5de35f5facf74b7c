"""How tables of pictures are named."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = (".csv", ".json")


def is_table(source: str | Path) -> bool:
    """Whether a source is named as a table is."""
    return Path(source).suffix.lower() in _SUFFIXES
