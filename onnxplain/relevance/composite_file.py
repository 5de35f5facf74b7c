"""Composites that people write themselves, as small TOML files.

::

    name = "mine"
    epsilon = 1e-6
    unknown = "refuse"

    [[rule]]                     # the first match decides
    operator = "convolution"     # an ONNX operator, convolution, linear or bilinear; or a list
    position = "first"           # first, last or any
    name = "/features/*"         # of an output tensor or the node
    rule = "gamma"
    gamma = 0.5                  # parameters of that rule
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import onnx

from onnxplain.errors import OnnxplainError, UnknownNameError, UsageError
from onnxplain.files import parse_toml, read_text
from onnxplain.relevance.composites import GROUPS, Composite, Match, RuleUse

_TOP = ("name", "epsilon", "unknown", "rule")
_MATCH = ("operator", "name", "position")
# Far above any file that a person writes.
_MAX_BYTES = 1_000_000


def load_composite(path: str | Path) -> Composite:
    """Read a composite from a TOML file.

    Parameters
    ----------
    path : path
        Layout as in the head of this module.

    Raises
    ------
    UsageError
        If the file cannot be read or says something that is not allowed; the message names
        file, line and key.
    """
    path = Path(path)
    text, where = read_text(path, "composite", _MAX_BYTES), f"composite {str(path)!r}"
    data = parse_toml(text, where)
    _known(data, _TOP, where)
    entries = data.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise UsageError(f"{where}: rules are written as [[rule]], each on lines of its own")
    lines = [k for k, line in enumerate(text.splitlines(), 1) if _opens_rule(line)]
    if len(lines) != len(entries):  # written inline
        lines = [1] * len(entries)
    rules = tuple(
        _read_rule(entry, f"{where}, rule {k} (line {line})")
        for k, (entry, line) in enumerate(zip(entries, lines, strict=True), 1)
    )
    return _located(
        where,
        lambda: Composite(
            _text(data, "name", where, path.stem),
            rules,
            _number(data, "epsilon", where, 1e-6),
            _text(data, "unknown", where, "refuse"),  # type: ignore[arg-type]
        ),
    )


def _opens_rule(line: str) -> bool:
    return re.match(r"\s*\[\[\s*rule\s*\]\]", line) is not None


def _read_rule(entry: dict[str, Any], where: str) -> tuple[Match, RuleUse]:
    rule = _text(entry, "rule", where)
    operators = entry.get("operator", [])
    operators = [operators] if isinstance(operators, str) else operators
    if not isinstance(operators, list) or not all(isinstance(o, str) for o in operators):
        raise UsageError(f"{where}: operator must be a text or a list of texts")
    for operator in operators:
        _known_operator(operator, where)
    match = _located(
        where,
        lambda: Match(
            tuple(operators),
            _text(entry, "name", where, "*"),
            _text(entry, "position", where, "any"),  # type: ignore[arg-type]
        ),
    )
    parameters = {k: v for k, v in entry.items() if k not in (*_MATCH, "rule")}
    return match, _located(where, lambda: RuleUse(rule, parameters))


def _known_operator(operator: str, where: str) -> None:
    if "::" in operator:  # of another domain, whose operators nobody can list
        return
    known = [*GROUPS, *sorted({s.name for s in onnx.defs.get_all_schemas() if not s.domain})]
    if operator not in known:
        raise UnknownNameError(f"operator in {where}:", operator, known, f"or {', '.join(GROUPS)}")


def _known(data: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in keys:
            raise UnknownNameError(f"key in {where}:", key, keys, f"keys: {', '.join(keys)}")


def _text(data: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if not isinstance(value, str):
        said = "is missing" if value is None else f"is {value!r}"
        raise UsageError(f"{where}: key {key!r} {said}; it must be a text")
    return value


def _number(data: dict[str, Any], key: str, where: str, default: float) -> float:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{where}: key {key!r} is {value!r}; it must be a number")
    return float(value)


def _located(where: str, build: Any) -> Any:
    """Build something, and say where in the file it went wrong if it does."""
    try:
        return build()
    except OnnxplainError as error:
        if str(error).startswith(where):
            raise
        raise UsageError(f"{where}: {error}") from error
