"""Dataclasses of plain JSON data, and plain data of them again: the very same.

The fields of a class are the keys of a JSON object. A field with a default stands for a key
that may be left out: it is written only if it has another value. Numbers, text and lists of
them are taken as they are, since a record is checked against its schema before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Reader = Callable[[Any], Any]


class Unsaid(Enum):
    """The value of a key that is left out, where null would say something else."""

    UNSAID = "unsaid"

    def __bool__(self) -> bool:
        return False


UNSAID = Unsaid.UNSAID


def said(key: str) -> Any:
    """Field of a key that may be left out, for a property of that name to fill in a default.

    Parameters
    ----------
    key : str
        What JSON calls it; the field itself has another name.
    """
    return field(default=None, metadata={"key": key})


def build(cls: type[T], data: Mapping[str, Any]) -> T:
    """Make an object of plain data.

    A class of its own mind has a class method ``from_plain``.

    Parameters
    ----------
    cls : type
        A dataclass.
    data : mapping
        As JSON has it.

    Raises
    ------
    TypeError
        If a key is missing or unknown.
    """
    kind: Any = cls
    made: T = _reader(kind)(data)
    return made


def build_fields(cls: type[T], data: Mapping[str, Any]) -> T:
    """Make an object of its fields alone, for use in ``from_plain``."""
    kind: Any = cls
    made: T = _of_fields(kind)(data)
    return made


def plain(value: Any) -> Any:
    """Plain data of an object, of a list or of a mapping of them; `build` reads it back.

    A class of its own mind has a method ``to_plain``.
    """
    if is_dataclass(value):
        if hasattr(value, "to_plain"):
            return value.to_plain()
        held = ((f, getattr(value, f.name)) for f in fields(value))
        return {_key(f): plain(v) for f, v in held if v is not f.default or f.default is MISSING}
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def _key(of: Field[Any]) -> str:
    return str(of.metadata.get("key", of.name))


@cache
def _reader(kind: Any) -> _Reader:
    """Return what makes a value of a type; one that takes it as it is for all other types."""
    inside = get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return getattr(kind, "from_plain", None) or _of_fields(kind)
    if get_origin(kind) is Sequence and (read := _reader(inside[0])) is not _as_it_is:
        return lambda value: tuple(read(v) for v in value)
    if get_origin(kind) is Mapping and (read := _reader(inside[1])) is not _as_it_is:
        return lambda value: {key: read(v) for key, v in value.items()}
    if type(None) in inside:
        for part in inside:
            if (read := _reader(part)) is not _as_it_is:
                return lambda value: None if value is None else read(value)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


@cache
def _of_fields(cls: Any) -> _Reader:
    types = get_type_hints(cls)
    known = {_key(f): (f.name, _reader(types[f.name])) for f in fields(cls)}

    def read(data: Mapping[str, Any]) -> Any:
        if unknown := data.keys() - known.keys():
            raise TypeError(f"{cls.__name__} has no {sorted(unknown)[0]!r}")
        found = ((known[key], value) for key, value in data.items())
        return cls(**{name: read(value) for (name, read), value in found})

    return read
