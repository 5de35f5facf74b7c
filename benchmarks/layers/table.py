"""The rows on disk: results.json is the record, docs/layers.md is what people read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.layers.places import Row

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "layers.md"
Key = tuple[str, str, str]
Rows = Mapping[Key, Row]


def load() -> dict[Key, Row]:
    """Read the rows of earlier runs."""
    if not RESULTS.is_file():
        return {}
    rows = [Row(**entry) for entry in json.loads(RESULTS.read_text())]
    return {(r.library, r.network, r.form): r for r in rows}


def save(rows: Rows) -> None:
    """Write both files."""
    ordered = [asdict(rows[key]) for key in sorted(rows)]
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
    PAGE.write_text(render(rows))


def render(rows: Rows) -> str:
    """Make the page."""
    return ""
