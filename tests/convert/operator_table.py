"""Write docs/operators.md: ``python -m tests.convert.operator_table``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from tests.convert.standard_cases import Outcome, all_cases, case_named, operator_name, outcome

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"
_RESULTS = ("right", "refused", "not applicable", "other", "wrong")
_INTRODUCTION = """\
# Operators that convert to PyTorch

Written by `python -m tests.convert.operator_table`, which runs the node tests of the ONNX
standard ({version}); do not edit. A test fails while this page is not what the
command writes. Each case is run as it is and with constants for all but its first input, through
preparation and conversion.

- **right**: element type, shape and values are the standard's (types of quantised tensors
  excepted, which are carried as floating-point numbers).
- **refused**: a clear error names the node; methods without gradients still work.
- **not applicable**: refused too, and no classifier holds it at inference: {scopes}.
- **other**: ONNX Runtime differs from the standard, and conversion follows ONNX Runtime.
- **wrong**: anything else; there must be none.

Refused operators can be added: see [extending.md](extending.md).
"""


@cache
def outcome_of(name: str) -> Outcome:
    """Outcome of the case of that name, computed once."""
    return outcome(case_named(name))


def outcomes() -> dict[str, tuple[str, Outcome]]:
    """Operator and outcome by the name of the case."""
    return {case.name: (operator_name(case), outcome_of(case.name)) for case in all_cases()}


def render(results: dict[str, tuple[str, Outcome]], version: str) -> str:
    """Make the page."""
    scopes = sorted({o.why for _, o in results.values() if o.result == "not applicable"})
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for name, (operator, found) in results.items():
        counts[operator][found.result] += 1
        expanded = re.search(r"_expanded(_ver\d+)?$", name)
        kinds["written out in other operators" if expanded else "the operator itself"][
            found.result
        ] += 1
    lines = [_INTRODUCTION.format(version=version, scopes="; ".join(scopes))]
    lines += _table("cases", kinds, sum(kinds.values(), Counter()))
    lines += _table("operator", counts, None)
    lines += ["Refused, and why:", ""]
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, (_, found) in sorted(results.items()):
        if found.result == "refused":
            reasons[_general(found.why)].append(name.removeprefix("test_"))
    for why, names in sorted(reasons.items()):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"- {why}: {', '.join(names[:3])}{more}")
    return "\n".join(lines) + "\n"


def _table(title: str, rows: dict[str, Counter[str]], total: Counter[str] | None) -> list[str]:
    lines = [f"| {title} | {' | '.join(_RESULTS)} |", "|---" * (len(_RESULTS) + 1) + "|"]
    for name in sorted(rows):
        lines.append(f"| {name} | {' | '.join(str(rows[name][k] or '') for k in _RESULTS)} |")
    if total is not None:
        lines.append(f"| **all** | {' | '.join(f'**{total[k]}**' for k in _RESULTS)} |")
    return [*lines, ""]


def _general(why: str) -> str:
    """Leave out what differs from case to case and what every message says."""
    why = re.sub(r" \(\d+ nodes?, first: tensor '[^']*'\)| \(tensor '[^']*'\)", "", why)
    return re.sub(r"; (to add a converter|methods that need no gradient).*", "", why)


def main() -> None:
    """Write the page."""
    import onnx

    PAGE.write_text(render(outcomes(), f"onnx {onnx.__version__}"))


if __name__ == "__main__":
    main()
