"""The rows on disk: results.json is the record, docs/layers.md is what people read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.layers.places import (
    CRASH,
    LATER,
    NOT_FOUND,
    NOT_MADE,
    SAID,
    SAME,
    STAGE,
    WRONG,
    Row,
)

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parents[1] / "docs" / "layers.md"
JUDGED = (SAME, STAGE, LATER, SAID, WRONG)
VERDICTS = (*JUDGED, NOT_FOUND, CRASH, NOT_MADE)
Key = tuple[str, str, str]
_INTRODUCTION = """\
# The layer of class activation maps, beside the one that experts choose

Methods of the CAM family read a layer of the network. `onnxplain` chooses the last one with places
in the picture that all evidence passes; of a class token, the input of the last attention. Where
that layer lies early (a branch leads from there to the scores, or what axes mean is not known), a
later one is chosen or the choice is said to lie early: in the terminal, in JSON and under the
picture.

```
onnxplain inspect MODEL --layers  # all layers with their numbers, and why one is chosen
onnxplain explain MODEL IMAGE -m grad-cam --layer last  # the chosen one, the default
onnxplain explain MODEL IMAGE -m grad-cam --layer early
onnxplain explain MODEL IMAGE -m grad-cam --layer -2    # the last but one listed; 0 is the first
onnxplain explain MODEL IMAGE -m grad-cam --layer /layer3/layer3.1/relu_1/Relu
```

`early` is the last layer of the first stage of stride 4 or more; where that stage is long, as in a
vision transformer, the last one within the first third of the depth. A tensor that is really named
`last`, `early` or by a number comes first. The same words work in Python (`layer="early"`,
`layer=-2`) and in `features`.

The rest of this page is written by `python -m benchmarks.layers --keras PYTHON`; do not edit. Each
network gets random weights and is exported; the output of the expert's module is taken by a hook,
and the tensor of the file that holds the same numbers is the expert's layer, whatever its name.

- **same place**: the chosen tensor is the expert's, or no layer with weights lies between them (an
  activation, a normalisation, a pooling, a transposition).
- **same stage**: the same grid, and the choice comes later than the expert's or at most a fifth of
  the network's layers lies between.
- **later**: all evidence passes the choice, which comes after the expert's on another grid: the
  decoder of a dense output, which joins several stages.
- **elsewhere, said**: another stage, with a warning; or no layer, refused with the reason.
- **WRONG**: another stage without a word.
- **not found**: no tensor of the file holds the expert's numbers.

Experts: the README and the tutorials of pytorch-grad-cam; timm's own `feature_info`; the last stage
of the paper, where neither names a layer.
"""
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
    counts = Counter((r.form, r.verdict) for r in rows.values())
    total = Counter(r.verdict for r in rows.values())
    networks = len({(r.library, r.network) for r in rows.values() if r.verdict in JUDGED})
    lines = [
        _INTRODUCTION,
        f"## Counts: {networks} networks",
        "",
        f"| form | {' | '.join(VERDICTS)} |",
        "|---|" + "---|" * len(VERDICTS),
    ]
    for form in sorted({r.form for r in rows.values()}):
        lines.append(f"| {form} | {' | '.join(str(counts[form, v]) for v in VERDICTS)} |")
    lines.append(f"| **all** | {' | '.join(f'**{total[v]}**' for v in VERDICTS)} |")
    lines += [
        "",
        "## Every file",
        "",
        "| library | network | form | expert's layer | who says so | its shape | chosen | verdict "
        "| from the expert's to the chosen | said |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for key in sorted(rows):
        r = rows[key]
        said = "yes" if r.said and r.verdict in JUDGED else ""
        expert = f"`{r.expert}`" if r.expert else ""
        lines.append(
            f"| {r.library} | {r.network} | {r.form} | {expert} | {r.source} | {r.expert_shape} "
            f"| {r.chosen} | {r.verdict} | {r.between} | {said} |"
        )
    lines += ["", "## What was said, and what was not made", ""]
    for _, r in sorted(rows.items()):
        if r.said:
            lines.append(f"- {r.library} {r.network}, {r.form}: {r.said}")
    return "\n".join(lines) + "\n"
