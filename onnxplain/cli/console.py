"""Tables on standard output, remarks on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from onnxplain.process.journal import said_before
from onnxplain.text import shown

# Nobody reads a pipe by its width: a line there is never broken.
_UNBROKEN = 100_000


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right.

    Parameters
    ----------
    title : str
        Line above it; nothing if empty.
    columns : sequence of str
        Headings; no heading line if all are empty.
    rows : sequence of sequences
        Cells; ``None`` is left empty.
    """
    grid = Table(box=None, show_header=any(columns), pad_edge=False, padding=(0, 2, 0, 0))
    for k, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(r[k], (int, float, type(None))) for r in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    if title:
        click.secho(shown(title), bold=True)
    console = _console()
    with console.capture() as captured:
        console.print(grid)
    for row in captured.get().splitlines():
        click.echo(row.rstrip())


def line(text: str = "") -> None:
    """Print one line."""
    click.echo(shown(text))


def document(data: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(data, indent=2, allow_nan=False))


def remark(text: str) -> None:
    """Say something on standard error; if nobody can be told, the work goes on all the same."""
    if not said_before(text):
        with suppress(OSError):
            click.echo(f"onnxplain: {shown(text)}", err=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else shown(str(value))


def _console() -> Console:
    width = None if sys.stdout.isatty() else _UNBROKEN
    return Console(markup=False, highlight=False, emoji=False, width=width)
