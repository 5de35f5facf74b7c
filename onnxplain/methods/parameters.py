"""Check and convert the parameters that a user gives to a method."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from typing import Any

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.methods.registry import Method


def check_parameters(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a method's parameters, defaults included.

    Parameters
    ----------
    method : Method
        The method.
    given : mapping of str to value
        What the user set; text is converted to the type that the signature names
        (``16x24`` is a pair of integers).

    Raises
    ------
    UnknownNameError
        If the method has no parameter of that name.
    UsageError
        If a value cannot be converted.
    """
    known = method.parameters
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UnknownNameError(
                f"parameter of {method.name}", name, known, f"parameters: {listed}"
            )
    values = {name: parameter.default for name, parameter in known.items()}
    return values | {name: _convert(method, known[name], v) for name, v in given.items()}


def _convert(method: Method, parameter: inspect.Parameter, value: Any) -> Any:
    allowed = _alternatives(parameter.annotation)
    if value is None and type(None) in allowed:
        return None
    for kind in allowed:
        converted = _as(kind, value)
        if converted is not None:
            return converted
    wanted = " or ".join(dict.fromkeys(_spell(k) for k in allowed if k is not type(None)))
    raise UsageError(
        f"parameter {parameter.name} of {method.name} is {value!r}; it must be {wanted}"
    )


def _alternatives(annotation: Any) -> list[Any]:
    parts = typing.get_args(annotation)
    if parts and typing.get_origin(annotation) is not tuple:
        return [a for p in parts for a in _alternatives(p)]
    return [annotation]


def _as(kind: Any, value: Any) -> Any:
    text = str(value).strip()
    if kind is str:
        return text
    if kind is bool:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.lower()
        )
    if kind is int:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else None
    if kind is float:
        try:
            return float(text)
        except ValueError:
            return None
    if typing.get_origin(kind) is tuple:
        pair = re.fullmatch(r"\(?\s*(\d+)\s*[x,]\s*(\d+)\s*\)?", text)
        if isinstance(value, (list, tuple)) and len(value) == 2:
            return (int(value[0]), int(value[1]))
        return (int(pair[1]), int(pair[2])) if pair else None
    return value if isinstance(kind, type) and isinstance(value, kind) else None


def _spell(kind: Any) -> str:
    if typing.get_origin(kind) is tuple:
        return "a pair such as 16x24"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(kind, str(kind))
