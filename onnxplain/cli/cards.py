"""What `onnxplain methods` prints."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from onnxplain.cli.console import document, table
from onnxplain.methods import Method, find, registered


@dataclass(frozen=True)
class Description:
    """What a docstring says of a parameter.

    Attributes
    ----------
    choices : str
        The words that it can be, if they are listed.
    meaning : str
        In one line.
    """

    choices: str
    meaning: str


def card(method: Method) -> dict[str, Any]:
    """All fields of a method as plain data.

    Returns
    -------
    dict
        The fields of `Method` except its functions, with ``needs`` as a list of names,
        ``runs_on``, and ``parameters`` (name to type, default and meaning).
    """
    said = described(method.function)
    parameters = {
        name: {
            "type": said[name].choices or _spell(p.annotation),
            "default": p.default,
            "meaning": said[name].meaning,
        }
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
        f"{k}={_default(v['default'])} ({v['type']}): {v['meaning']}"
        for k, v in data["parameters"].items()
    ]
    yes = "yes" if data["class_discriminative"] else "no, similar for every class"
    rows = [
        ("summary", data["summary"]),
        ("family", data["family"]),
        ("reference", data["reference"]),
        ("explains", f"{data['explains']} (unless you set --kind)"),
        ("numbers mean", data["meaning"]),
        ("pictures show", data["shows"]),
        ("tells classes apart", yes),
        ("promises", _promise(data)),
        ("limits", data["failures"]),
        ("runs on", f"{data['runs_on']}: {', '.join(data['needs'])}"),
        *[("parameters" if k == 0 else "", text) for k, text in enumerate(signature or ["none"])],
        *([("compare values", _grid(data["name"], data["parameters"]))] if signature else []),
    ]  # fmt: skip
    table(data["name"], ("", ""), rows)


def _grid(name: str, parameters: Iterable[str]) -> str:
    return f"explain ... --grid {name}.{next(iter(parameters))}=VALUE,VALUE,... draws several"


def _promise(data: dict[str, Any]) -> str:
    if data["tolerance"] is None:
        return data["promises"] or "nothing"
    return f"{data['promises']}; a gap above {100 * data['tolerance']:g} % gets a warning"


def _default(value: Any) -> str:
    """Write a default as a user would give it."""
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _spell(annotation: Any) -> str:
    """Write a parameter's type as a user gives it; what only Python can give is left out."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return "HEIGHTxWIDTH"
    if parts:
        return " or ".join(dict.fromkeys(filter(None, map(_spell, parts))))
    return {int: "integer", float: "number", str: "text", bool: "yes/no"}.get(annotation, "")


def described(function: Callable[..., Any]) -> dict[str, Description]:
    """Return what a numpydoc docstring says of each parameter, or the one that it refers to."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", text, re.M | re.S)
    found: dict[str, Description] = {}
    for entry in re.split(r"^(?=\S)", section[1] if section else "", flags=re.M):
        head, _, meaning = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        listed = re.match(r"\{(.*?)\}", kind)
        choices = listed[1].replace('"', "").replace(", ", " or ") if listed else ""
        plain = " ".join(meaning.replace("``", "").replace("`", "").split())
        found.update({n.strip(): Description(choices, plain) for n in names.split(",")})
    return {name: _followed(name, said) for name, said in found.items()}


def _followed(name: str, said: Description) -> Description:
    """Return what another method says of the same parameter, where one says "See" that one."""
    other = re.fullmatch(r"See (?:\w+\.)*(\w+)\.", said.meaning)
    for method in registered().values() if other else ():
        if other and method.function.__name__ == other[1] and name in method.parameters:
            return described(method.function)[name]
    return said
