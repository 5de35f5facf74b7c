"""The rows on disk: results.jsonl is the record, docs/exported.md is what people read."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.exported.files import Key
from benchmarks.exported.measure import METHODS, NO_METHOD, STEPS, WRITTEN, Row

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
PAGE = HERE.parents[1] / "docs" / "exported.md"

_INTRODUCTION = f"""\
# Which networks can carry their explanation

Written by `python -m benchmarks.exported --keras PYTHON`; do not edit. Each file is given to
`export` (see [export.md](export.md)) with all methods at once, or with those that are not refused.
Networks are those of [coverage.md](coverage.md) and [layers.md](layers.md): random weights,
calibrated statistics, small pictures where the network takes them. Integrated gradients take
{STEPS} steps. A file is written only if all its scores, alone and in a batch, with and without
maps, are equal to the original's bit for bit; so the table has no column for scores.

- **forward**: `shared` if the maps use what the file computes anyway; `repeated` if that would
  change the last bits of the scores, so that the maps compute it again.
- For each method, the **largest difference** from the PyTorch engine, both in float32, as a share
  of the map's largest number.
- If that is more than 1e-5, **float64** is the distance of the two maps, both computed in float64,
  as a share of the map's size. It shows whether the derivatives are right, apart from rounding.
  More than 1e-5 is refused. In float32, the order of a sum can switch a rectifier that is close to
  its kink, and quantised steps amplify this. `r` is the correlation of the two maps.
- **grown**: by how many kB the file grows.
"""


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
    PAGE.write_text(render(rows))


def render(rows: Mapping[Key, Row]) -> str:
    """Make the page."""
    found = [rows[key] for key in sorted(rows)]
    return "\n".join([_INTRODUCTION, *_counts(found), *_files(found), *_refusals(found)]) + "\n"


def _counts(rows: list[Row]) -> Iterator[str]:
    results = Counter(r.result for r in rows)
    networks = {r.network for r in rows if r.result == WRITTEN}
    said = ", ".join(f"{count} {result}" for result, count in results.most_common())
    yield f"{len(rows)} files: {said}. {len(networks)} networks are written in one form or more."
    yield ""
    yield "| method | files | within 1e-5 in float32 | judged in float64 |"
    yield "|---|---|---|---|"
    for method in METHODS:
        maps = [m for r in rows for m in r.maps if m["method"] == method]
        exact = sum(m["exact"] is not None for m in maps)
        if maps:
            yield f"| {method} | {len(maps)} | {len(maps) - exact} | {exact} |"
        else:
            yield f"| {method} | {NO_METHOD} | | |"


def _files(rows: list[Row]) -> Iterator[str]:
    shown = [m for m in METHODS if any(e["method"] == m for r in rows for e in r.maps)]
    yield from ("", "## Every file", "")
    yield f"| library | network | form | input | forward | {' | '.join(shown)} | grown |"
    yield "|---|---|---|---|---|" + "---|" * (len(shown) + 1)
    for row in rows:
        if row.result != WRITTEN:
            continue
        maps = {str(m["method"]): m for m in row.maps}
        cells = [_cell(maps[m]) if m in maps else "refused" for m in shown]
        yield (
            f"| {row.library} | {row.network} | {row.form} | {row.size} | {row.forward} "
            f"| {' | '.join(cells)} | {row.grown_kb:.0f} |"
        )


def _cell(found: Mapping[str, object]) -> str:
    correlation = float(str(found["correlation"]))
    text = f"{found['error']:.1e}"
    if found["exact"] is None:
        return text
    return f"{text} (r {correlation:.4f}); float64 {found['exact']:.0e}"


def _refusals(rows: list[Row]) -> Iterator[str]:
    yield from ("", "## What is refused", "")
    for row in rows:
        reasons = defaultdict(list)
        for method, why in row.refused.items():
            if why != NO_METHOD:
                reasons[why].append(method)
        if row.note:
            reasons[row.note].append(row.result)
        for why, methods in reasons.items():
            named = f"{row.library} {row.network}, {row.form}"
            yield f"- {named} ({', '.join(methods)}): {why}"
