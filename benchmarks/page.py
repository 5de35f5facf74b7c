"""Write what was measured into docs/benchmarks.md or another page, between marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"


def put(section: str, text: str, page: Path = PAGE) -> None:
    """Put text between the marks of a section of a page, in place of what is there.

    Raises
    ------
    ValueError
        If the page has no such marks.
    """
    before, _, after = _parted(section, page)
    page.write_text(f"{before}{text.strip()}\n{after}", "utf-8")


def put_rows(section: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Put rows into a table; one of the same first cell takes the place of the old one."""
    _, there, _ = _parted(section, PAGE)
    kept: dict[str, list[str]] = {}
    for line in there.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells[0] != columns[0] and set(cells[0]) - set("-: "):
            kept[cells[0]] = cells
    kept.update({row[0]: list(row) for row in rows})
    lines = [list(columns), ["---"] * len(columns), *kept.values()]
    put(section, "\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def show_rows(
    section: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, write: bool
) -> None:
    """Print the rows of a table, and put them into the page if that is asked for."""
    for row in (columns, *rows):
        print(" | ".join(row))
    if write:
        put_rows(section, columns, rows)


def _parted(section: str, page: Path) -> tuple[str, str, str]:
    text = page.read_text("utf-8")
    begin, end = (f"<!-- {section}: {mark} -->\n" for mark in ("begin", "end"))
    if begin not in text or end not in text:
        raise ValueError(f"{page.name} has no marks of the section {section!r}")
    before, _, rest = text.partition(begin)
    there, _, after = rest.partition(end)
    return before + begin, there, end + after
