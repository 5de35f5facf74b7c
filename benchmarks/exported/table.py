"""The rows on disk: results.jsonl is the record, docs/exported.md is what people read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.exported.files import Key
from benchmarks.exported.measure import Row

RESULTS = Path(__file__).parent / "results.jsonl"


def load() -> dict[Key, Row]:
    """Read the rows of earlier runs; the last one of a file counts."""
    if not RESULTS.is_file():
        return {}
    rows = [Row(**json.loads(line)) for line in RESULTS.read_text().splitlines()]
    return {row.key: row for row in rows}


def add(row: Row) -> None:
    """Append a row."""
    with RESULTS.open("a") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def write_page(rows: Mapping[Key, Row]) -> None:
    """Write what people read."""
