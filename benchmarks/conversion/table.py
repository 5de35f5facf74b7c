"""The rows on disk: results.json is the record, docs/coverage.md is what people read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.conversion.measure import NOISES, Row

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "coverage.md"

_INTRODUCTION = """\
# Which files convert to PyTorch

Written by `python -m benchmarks.conversion --keras PYTHON`; do not edit. Weights are random,
statistics of batch normalisation are calibrated, so that the output depends on the input. Every
file passes the checks of a file that is loaded, is prepared and converted, and is compared with
ONNX Runtime on two inputs.

- **judged by**: right means an error of at most 0.001 for float32, 0.1 for float16, 0.5 for 4 and
  8 bits (where one step of rounding moves the output visibly; the exact tests of quantised graphs
  are node by node, in tests/convert/test_quantised_models.py and test_microsoft.py), or within
  three times the noise, see below.
- **error**: largest difference from ONNX Runtime, relative to how much the output varies
  between the two inputs.
- **noise**: the same difference of ONNX Runtime without its optimisations from itself. Empty:
  measured before this column was there.
- **variation**: that variation, relative to the largest output; never below 0.001.
- **gradient**: of one score with respect to the input; tokens have none.
- **float64 gradient**: largest difference from the original network, relative to the largest
  gradient, with batch normalisation kept in the file.
- **not made**: the exporter, the quantiser or ONNX Runtime refused; nothing to convert.

## Where rounding decides

Two networks with random weights amplify rounding. Largest error of each engine in float32 against
the original in float64, relative to the variation (`python -m benchmarks.conversion.noise`):

| network | original | converted | ONNX Runtime | not optimised | converted, float64 |
|---|---|---|---|---|---|
| timm levit_128s | 1.2e-03 | 1.6e-03 | 5.8e-04 | 5.3e-04 | 2.3e-08 |
| timm resnetv2_50x1_bit | 2.8e-05 | 2.4e-05 | 8.9e-02 | 2.6e-05 | 7.8e-06 |

Computed in float64, the converted file is the original; what is left is the file's own rounding
of constants, see below. In the first network every engine in float32 is off, the original itself
too, and by more or less from input to input; in the second, ONNX Runtime's optimiser alone makes
the difference.

## Why float64 gradients of a float32 file differ from the original's

Four networks missed 1e-6 when the file was exported in float32. An exporter rounds to float32 what
the original holds in float64, and the format stores attributes, such as epsilons, in float32 alone.
Exported in float64, with the original's epsilons rounded to float32 as well, nothing is left:

| network | export in float32 | export in float64 | and epsilons rounded | cause |
|---|---|---|---|---|
| timm levit_128s | 1.1e-04 | 1.1e-04 | 3.9e-09 | epsilon of BatchNormalization |
| timm resnetv2_50x1_bit | 3.0e-06 | 1.3e-13 | | constants of standardised weights |
| torchvision efficientnet_v2_s | 1.3e-06 | 1.3e-06 | 3.4e-14 | epsilon of BatchNormalization |
| torchvision swin_v2_t | 1.1e-06 | 2.7e-12 | | constants of the position bias |

The column below holds the fair comparison for these four, and the export in float32, which is an
upper bound, for the others. Both are taken at a batch of two, where PyTorch's own BatchNorm
gradient is right.
"""

FLOAT, HALF, FEW_BITS = 1e-3, 0.1, 0.5


def tolerance_of(form: str) -> float:
    """Largest error of a right row of that form."""
    if "bits" in form:
        return FEW_BITS
    return HALF if "float16" in form else FLOAT


def judged(row: Row) -> str:
    """Say what the result rests on."""
    if row.error is None:
        return {"refused": "message below"}.get(row.result, "")
    if row.result == "right" and row.error > tolerance_of(row.form):
        return f"within {NOISES} times ONNX Runtime's own noise"
    return f"error at most {tolerance_of(row.form):g}"


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
        "## Counts",
        "",
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
        "## Every file",
        "",
        "| library | network | form | result | judged by | error | noise | variation | gradient "
        "| float64 gradient |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for key in sorted(rows):
        r = rows[key]
        numbers = " | ".join(map(_number, (r.error, r.noise, r.variation)))
        lines.append(
            f"| {r.library} | {r.network} | {r.form} | {r.result} | {judged(r)} | {numbers} "
            f"| {r.gradient} | {_number(r.gradient_error)} |"
        )
    notes = [r for _, r in sorted(rows.items()) if r.note]
    lines += ["", "## What was refused, crashed or not made", ""]
    lines += [f"- {r.library} {r.network}, {r.form}: {_short(r.note)}" for r in notes]
    return "\n".join(lines) + "\n"


def _short(note: str) -> str:
    """Leave out all but the first of many nodes."""
    first, *others = note.split("; ")
    alike = [o for o in others if o.split(" (", 1)[0] == first.split(" (", 1)[0]]
    rest = [o for o in others if o not in alike]
    more = [f"the same for {len(alike)} more nodes"] if alike else []
    return "; ".join([first, *more, *rest])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
