"""Measures that a command is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from onnxplain.errors import UsageError
from onnxplain.evaluate.measures import find_measure


def choose_measures(given: Sequence[str]) -> tuple[str, ...]:
    """Look up the measures asked for, each once; none if nothing is given.

    Parameters
    ----------
    given : sequence of str
        Comma-separated names.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    UsageError
        If names are given, and all are empty.
    """
    names = [n for text in given for n in text.split(",") if n.strip()]
    if given and not names:
        raise UsageError(
            "--metrics is empty: name a measure; `onnxplain evaluate --list-metrics` lists them"
        )
    return tuple(dict.fromkeys(find_measure(n).name for n in names))
