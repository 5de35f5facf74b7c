"""Class names in a table: CSV, TSV, or a list of objects."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onnxplain.files import require_few_rows
from onnxplain.inputs.label_order import NAME_KEYS, by_index, name_of, refusal

# What columns of indices are called, the plainest first; no heading is what pandas writes.
_INDEX_KEYS = (
    "index", "idx", "class_index", "class_idx", "class_id", "classid", "label_index", "label_idx",
    "label_id", "category_id", "id", "number", "target", "label", "class", "", "unnamed: 0",
)  # fmt: skip
_HEADINGS = frozenset({*NAME_KEYS, *_INDEX_KEYS, "names", "labels", "classes"} - {""})
_WHOLE = re.compile(r"\s*-?[0-9]{1,18}\s*", re.ASCII)
SYNSET = re.compile(r"n[0-9]{8}", re.ASCII)
_DELIMITERS = ("\t", ";", ",", "|")
_NEVER = "\x1f"


def is_heading(line: str) -> bool:
    """Whether a line of text names columns, of which at least two are known."""
    return any(
        len(cells := _cells(line, d)) > 1 and all(c in _HEADINGS for c in cells)
        for d in _DELIMITERS
    )


def names_of_text(text: str, where: str) -> list[str]:
    """Read the names of a table.

    Parameters
    ----------
    text : str
        Comma, semicolon, tab or bar between the cells, quotes around a cell that holds one.
    where : str
        The source, for the message.

    Raises
    ------
    UsageError
        If it is not clear which column holds names, or indices are not 0, 1, 2, ..., or there
        are too many rows.
    """
    there = (line for line in text.splitlines() if line.strip())
    lines = list(require_few_rows(there, f"labels {where!r}"))
    if not lines:
        return []
    rows = _rows("\n".join(lines), _delimiter(lines), where)
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise refusal(
                where,
                f"line {number} has {len(row)} cells, the first line has {width}; put a name "
                "that contains a comma in quotes",
            )
    if width == 1:
        first, *rest = [row[0] for row in rows]
        return rest if first.lower() in _HEADINGS else [first, *rest]
    if len(rows) == 1:
        return rows[0]
    if _headed(rows):
        return _choose(rows[1:], [cell.lower() for cell in rows[0]], where)
    return _choose(rows, None, where)


def names_of_rows(rows: Sequence[Mapping[Any, Any]], where: str) -> list[str]:
    """Read the names of a list of objects, each with a name and perhaps an index.

    Raises
    ------
    UsageError
        See `names_of_text`; also if an object lacks what others have.
    """
    plain = [{str(k).strip().lower(): v for k, v in row.items()} for row in rows]
    shared = [k for k in plain[0] if all(k in row for row in plain)]
    table = [[row[k] for k in shared] for row in plain]
    return _choose(table, shared, where)


def _choose(rows: Sequence[Sequence[Any]], heading: list[str] | None, where: str) -> list[str]:
    """Names of rows of equal length, in the order of their indices if there are any."""
    columns = list(zip(*rows, strict=True))
    whole = [all(_is_whole(v) for v in column) for column in columns]
    index, name = (
        _guessed(columns, whole, where) if heading is None else _named(heading, whole, where)
    )
    names = [name_of(v, f"row {k}", where) for k, v in enumerate(columns[name], 1)]
    if index is None:
        return names
    for number, value in enumerate(columns[index], 1):
        if not _is_whole(value):
            raise refusal(where, f"row {number} has {str(value)[:40]!r} as an index")
    return by_index(((int(v), n) for v, n in zip(columns[index], names, strict=True)), where)


def _named(heading: list[str], whole: Sequence[bool], where: str) -> tuple[int | None, int]:
    """Columns of the index, if there is one, and of the names, by what they are called."""
    names = [heading.index(k) for k in NAME_KEYS if k in heading]
    # "label" and "class" head columns of either kind: what stands in them decides.
    name = next((k for k in names if not whole[k]), names[0] if names else None)
    indices = [heading.index(k) for k in _INDEX_KEYS if k in heading]
    certain = [k for k in indices if k != name and _says_index(heading[k], whole[k])]
    index = certain[0] if certain else None
    if name is None:
        rest = [k for k in range(len(heading)) if k != index and not whole[k]]
        if len(rest) != 1:
            raise refusal(
                where,
                f"no column of {', '.join(map(repr, heading))} is known to hold names; call it "
                "'name'",
            )
        name = rest[0]
    if index is None:
        numbers = [k for k in range(len(heading)) if whole[k] and k != name]
        index = numbers[0] if len(numbers) == 1 and len(heading) == 2 else None
    return index, name


def _says_index(heading: str, whole: bool) -> bool:
    """Whether a column holds indices; "id" and the like also head other identifiers."""
    return whole or heading in ("index", "idx") or heading.endswith(("_index", "_idx"))


def _guessed(
    columns: Sequence[Sequence[Any]], whole: Sequence[bool], where: str
) -> tuple[int | None, int]:
    """Columns of the index and of the names where nothing says what they are."""
    synsets = [all(SYNSET.fullmatch(str(v)) for v in column) for column in columns]
    texts = [k for k in range(len(columns)) if not whole[k] and not synsets[k]]
    numbers = [k for k in range(len(columns)) if whole[k]]
    if len(numbers) == len(columns) == 2 and list(columns[0]) == list(columns[1]):
        return 0, 1
    if len(texts) != 1 or len(numbers) > 1:
        raise refusal(
            where,
            f"it is not clear which of its {len(columns)} columns holds the names; add a first "
            "line such as 'index,name'",
        )
    return (numbers[0] if numbers else None), texts[0]


def _headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns."""
    first = [cell.lower() for cell in rows[0]]
    if any(cell in _HEADINGS for cell in first) and not any(map(_is_whole, first)):
        return True
    # A heading in another language: no number where all other lines have one.
    columns = zip(*rows, strict=True)
    return any(not _is_whole(c[0]) and all(map(_is_whole, c[1:])) for c in columns)


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return _WHOLE.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def _delimiter(lines: Sequence[str]) -> str:
    """What stands between the cells: what divides all lines, best into equally many.

    Where nothing does, a line is a name, with commas in it or not.
    """
    found = [d for d in _DELIMITERS if all(d in line for line in lines)]
    even = [d for d in found if len({len(_cells(line, d)) for line in lines}) == 1]
    return next(iter([*even, *found]), _NEVER)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [c.strip().lower() for c in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:  # a cell that is too long: reading the table says so
        return []


def _rows(text: str, delimiter: str, where: str) -> list[list[str]]:
    try:
        reader: Iterable[list[str]] = csv.reader(
            io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True
        )
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise refusal(where, f"it is not a table: {error}") from error
