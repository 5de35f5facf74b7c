"""Which parts of laws and standards a dossier contributes to, and what it lacks."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib import resources
from typing import Any

NOT_COVERED = "not covered"
STATES = ("covered", "partly", NOT_COVERED)
_COLUMNS = ("text", "part", "asks", "status", "where", "lacking")
_WITHOUT = {
    "labels": "the pictures have no labels, so that no accuracy is known",
    "use": "nobody said who prepared the dossier and for which use",
    "data_note": "nobody said what the data are",
    "groups": "no column of the data was named for groups",
}


def mapping(there: Collection[str]) -> dict[str, Any]:
    """Rows of the table, each with its state in this dossier.

    Parameters
    ----------
    there : collection of str
        Which of ``labels``, ``use``, ``data_note`` and ``groups`` the dossier has; a row that needs
        one of them is not covered without.
    """
    text = resources.files("onnxplain").joinpath("data/dossier_mapping.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return {"note": data["note"], "rows": [_row(row, there) for row in data["rows"]]}


def as_markdown(table: dict[str, Any]) -> str:
    """Return the same for people."""
    rows = [["" if row[c] is None else str(row[c]) for c in _COLUMNS] for row in table["rows"]]
    lines = [list(_COLUMNS), ["---"] * len(_COLUMNS), *rows]
    return f"# Mapping\n\n{table['note']}\n\n" + "".join(f"| {' | '.join(r)} |\n" for r in lines)


def _row(row: dict[str, str], there: Collection[str]) -> dict[str, str]:
    found = {column: row[column] for column in _COLUMNS}
    if row["needs"] and row["needs"] not in there:
        found |= {"status": NOT_COVERED, "where": "", "lacking": _WITHOUT[row["needs"]]}
    return found
