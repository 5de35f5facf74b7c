"""The rows on disk: results.json is the record, docs/coverage.md is what people read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.conversion.measure import Row

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "coverage.md"

_INTRODUCTION = """\
# Which files convert to PyTorch

Written by `python -m benchmarks.conversion`; do not edit. Weights are random, statistics of
batch normalisation are calibrated, so that the output depends on the input.

- **error**: largest difference from ONNX Runtime, relative to how much the output varies
  between two inputs. Right means at most 0.001 for float32, 0.1 for float16, 0.5 for 8 bits
  (where one step of rounding moves the output visibly; the exact test of quantised graphs is
  node by node, in tests/convert/test_quantised_models.py).
- **noise**: the same difference of ONNX Runtime without its optimisations from itself. Where a
  random network amplifies rounding, three times that is right too. Empty: measured before
  this column was there.
- **variation**: that variation, relative to the largest output.
- **gradient**: of one score with respect to the input.
- **float64 gradient**: largest difference from the original network, relative to the largest
  gradient, with batch normalisation kept in the file.
- **not made**: the exporter, the quantiser or ONNX Runtime refused; nothing to convert.
"""

Rows = Mapping[tuple[str, str, str], Row]


def load() -> dict[tuple[str, str, str], Row]:
    """Read the rows of earlier runs."""
    if not RESULTS.is_file():
        return {}
    rows = [Row(**entry) for entry in json.loads(RESULTS.read_text())]
    return {(r.library, r.network, r.form): r for r in rows}


def save(rows: Rows) -> None:
    """Write both files."""
    RESULTS.write_text(json.dumps([asdict(r) for r in rows.values()], indent=1) + "\n")
    PAGE.write_text(render(rows))


def render(rows: Rows) -> str:
    """Make the page."""
    lines = [
        _INTRODUCTION,
        "| form | right | refused | wrong | crash | not made |",
        "|---|---|---|---|---|---|",
    ]
    results = ("right", "refused", "wrong", "crash", "not made")
    counts = Counter((r.form, r.result) for r in rows.values())
    for form in sorted({r.form for r in rows.values()}):
        lines.append(f"| {form} | {' | '.join(str(counts[form, k]) for k in results)} |")
    total = Counter(r.result for r in rows.values())
    lines.append(f"| **all** | {' | '.join(f'**{total[k]}**' for k in results)} |")
    lines += [
        "",
        "| library | network | form | result | error | noise | variation | gradient "
        "| float64 gradient |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for key in sorted(rows):
        r = rows[key]
        numbers = " | ".join(map(_number, (r.error, r.noise, r.variation)))
        lines.append(
            f"| {r.library} | {r.network} | {r.form} | {r.result} | {numbers} | {r.gradient} "
            f"| {_number(r.gradient_error)} |"
        )
    notes = [r for _, r in sorted(rows.items()) if r.note]
    lines += ["", "What was refused, crashed or not made:", ""]
    lines += [f"- {r.library} {r.network}, {r.form}: {r.note}" for r in notes]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
