"""What `onnxplain methods` prints."""

from __future__ import annotations

import typing
from typing import Any

from onnxplain.cli.console import document, table
from onnxplain.methods import Method, find, registered


def card(method: Method) -> dict[str, Any]:
    """All fields of a method as plain data.

    Returns
    -------
    dict
        The fields of `Method` except its functions, with ``needs`` as a list of names,
        ``runs_on``, and ``parameters`` (name to type and default).
    """
    parameters = {
        name: {"type": _spell(p.annotation), "default": p.default}
        for name, p in method.parameters.items()
    }
    functions = ("function", "requires", "needs_for")
    fields = {k: v for k, v in vars(method).items() if k not in functions}
    needs = [c.name.lower() for c in method.needs if c.name]
    return {**fields, "needs": needs, "runs_on": method.runs_on, "parameters": parameters}


def show_table(as_json: bool) -> None:
    """Print all methods."""
    cards = [card(m) for m in registered().values()]
    if as_json:
        document(cards)
        return
    columns = ("name", "family", "runs_on", "explains", "summary")
    table("", [c.replace("_", " ") for c in columns], [[c[k] for k in columns] for c in cards])


def show_card(name: str, as_json: bool) -> None:
    """Print one method.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    data = card(find(name))
    if as_json:
        document(data)
        return
    signature = [
        f"{k}: {v['type']} (default: {'automatic' if v['default'] is None else v['default']})"
        for k, v in data["parameters"].items()
    ]
    yes = "yes" if data["class_discriminative"] else "no, similar for every class"
    rows = [
        ("summary", data["summary"]),
        ("family", data["family"]),
        ("reference", data["reference"]),
        ("explains", f"{data['explains']} (unless --kind says otherwise)"),
        ("numbers mean", data["meaning"]),
        ("pictures show", data["shows"]),
        ("tells classes apart", yes),
        ("promises", _promise(data)),
        ("do not trust when", data["failures"]),
        ("runs on", f"{data['runs_on']}: {', '.join(data['needs'])}"),
        *[("parameters" if k == 0 else "", text) for k, text in enumerate(signature or ["none"])],
    ]  # fmt: skip
    table(data["name"], ("", ""), rows)


def _promise(data: dict[str, Any]) -> str:
    if data["tolerance"] is None:
        return data["promises"] or "nothing"
    return f"{data['promises']}; a gap above {100 * data['tolerance']:g} % gets a warning"


def _spell(annotation: Any) -> str:
    """Write a parameter's type as a user gives it."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return "HEIGHTxWIDTH"
    if parts:
        return " or ".join(dict.fromkeys(_spell(p) for p in parts if p is not type(None)))
    return {int: "integer", float: "number", str: "text", bool: "yes/no"}.get(
        annotation, str(annotation)
    )
