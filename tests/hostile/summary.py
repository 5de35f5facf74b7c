"""What a campaign found, as the table of ``docs/security.md``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.hostile.cases import KINDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
_FAILURES = ("internal", "signal", "hang", "memory")
_NAMES = {
    "model": "models", "picture": "pictures", "result": "saved results", "side": "side files",
    "record": "audits",
}  # fmt: skip


def table(entries: Iterable[dict[str, Any]], note: str) -> str:
    """Markdown of how the cases of each kind ended."""
    entries = list(entries)
    lines = [
        note, "",
        "| | seeds | answers | refused | internal errors | signals | over 10 CPU s | over 4 GB "
        "| longest, s | peak, MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for kind in KINDS:
        own = [e for e in entries if e["kind"] == kind]
        if not own:
            continue
        seeds = sorted(e["seed"] for e in own)
        whole = seeds == list(range(seeds[-1] + 1))
        counts = [sum(e["verdict"] == v for e in own) for v in ("answer", "refused", *_FAILURES)]
        cells = [
            _NAMES[kind],
            f"0 to {seeds[-1]:,}" if whole else f"{len(seeds):,} of 0 to {seeds[-1]:,}",
            *(f"{c:,}" for c in counts),
            f"{max(e.get('cpu', 0) for e in own):.1f}",
            f"{max(e.get('peak', 0) for e in own):,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write_table(text: str, mark: str = "hostile-table") -> None:
    """Put a table between its marks in the document."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    document = DOCUMENT.read_text("utf-8")
    before, rest = document.split(begin)
    _, after = rest.split(end)
    DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")
