"""Class names in plain data: JSON, a Python literal, or what a caller hands over."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.inputs.label_order import by_index, is_pair, name_of, refusal
from onnxplain.inputs.label_table import names_of_rows

FORMS = (
    "a list of names, {index: name}, {name: index}, {index: [id, name]}, a Hugging Face or timm "
    "config.json, or objects with an index and a name"
)
# Under which files hold the names as a list or a mapping, beside other things.
_INNER = ("names", "labels", "classes", "class_names", "label_names", "categories", "tags",
          "idx_to_class", "index_to_class", "idx2label", "idx2class", "index_to_name", "id2name",
          "class_labels")  # fmt: skip
# The same, of names to indices.
_TURNED = ("class_to_idx", "class_to_index", "class2idx", "label2idx", "class_indices", "name2id")
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
# What Hugging Face writes where nobody named the classes.
_PLACEHOLDER = re.compile(r"LABEL_\d+", re.ASCII)


def names_in(data: Any, where: str, *, keys_are_names: bool = False) -> list[str]:
    """Read class names, in class order, out of plain data.

    Parameters
    ----------
    data : list or mapping
        One of `FORMS`.
    where : str
        The source, for the message.
    keys_are_names : bool
        That a mapping is {name: index}, where both readings are possible.

    Raises
    ------
    UsageError
        If it holds no names, or its indices are not 0, 1, 2, ... each once.
    """
    if isinstance(data, (list, tuple)):
        return _of_list(data, where)
    if isinstance(data, Mapping) and data:
        inner = of_config(data, where)
        return _of_mapping(data, where, keys_are_names) if inner is None else inner
    raise refusal(where, f"it holds no names; expected {FORMS}")


def of_config(data: Mapping[Any, Any], where: str) -> list[str] | None:
    """Class names in the configuration that Hugging Face or timm writes, if it holds any."""
    if isinstance(data.get("id2label"), Mapping):
        return _of_mapping(data["id2label"], where)
    if isinstance(data.get("label2id"), Mapping):
        return _of_mapping(data["label2id"], where, keys_are_names=True)
    inner = data.get("pretrained_cfg")
    for source in (data, inner):
        names = source.get("label_names") if isinstance(source, Mapping) else None
        if isinstance(names, list):
            assert isinstance(source, Mapping)
            told = source.get("label_descriptions")
            found = _of_list(names, where)
            # Of ImageNet timm names the synsets, and describes each of them.
            return [
                name_of(told[n], f"label {n!r}", where) if n in told else n for n in found
            ] if isinstance(told, Mapping) else found  # fmt: skip
    return None


def placeholders(names: list[str]) -> bool:
    """Whether all names are only numbered: ``LABEL_0``, ``LABEL_1``, ..."""
    return bool(names) and all(_PLACEHOLDER.fullmatch(n) for n in names)


def parse(text: str, where: str) -> Any:
    """Parse JSON, or the text of a Python literal as Ultralytics writes it.

    Raises
    ------
    UsageError
        If it is neither, or names a key twice.
    """
    problem = ""
    readers: tuple[Callable[[str], Any], ...] = (_json, ast.literal_eval)
    for read in readers:
        try:
            return read(text)
        except _TwiceError as error:
            raise refusal(where, str(error)) from None
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            problem = problem or str(error)
    raise UsageError(f"labels file {where!r} is not valid JSON: {problem}")


class _TwiceError(ValueError):
    """A key of an object that is there twice; the parser would keep the last one."""


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [k for k, _ in pairs]
            twice = next(k for k in keys if keys.count(k) > 1)
            raise _TwiceError(f"the key {twice!r} appears twice")
        return found

    return json.loads(text, object_pairs_hook=once)


def _of_list(data: list[Any] | tuple[Any, ...], where: str) -> list[str]:
    if data and all(isinstance(entry, Mapping) for entry in data):
        return names_of_rows(data, where)
    if data and all(
        isinstance(e, (list, tuple)) and len(e) == 2 and _index(e[0]) is not None for e in data
    ):
        return by_index(((int(i), name) for i, name in data), where)
    lists = [k for k, e in enumerate(data) if isinstance(e, (list, tuple))]
    if lists and not all(map(is_pair, data)):
        raise refusal(where, f"entry {lists[0]} is a list; expected {FORMS}")
    return [name_of(entry, f"entry {k}", where) for k, entry in enumerate(data)]


def _of_mapping(data: Mapping[Any, Any], where: str, keys_are_names: bool = False) -> list[str]:
    keys = [_index(k) for k in data]
    values = [_index(v, text=keys_are_names) for v in data.values()]
    indexed, numbered = None not in keys, None not in values
    if numbered and indexed and not keys_are_names:
        return _either(data, where)
    if numbered:
        return by_index(((v, k) for v, k in zip(values, data, strict=True) if v is not None), where)
    if indexed:
        return by_index(
            ((k, v) for k, v in zip(keys, data.values(), strict=True) if k is not None), where
        )
    for key in _INNER:
        if isinstance(data.get(key), (list, Mapping)):
            return names_in(data[key], where)
    for key in _TURNED:
        if isinstance(data.get(key), Mapping):
            return _of_mapping(data[key], where, keys_are_names=True)
    if any(v is not None for v in values):
        name, value = next((k, v) for k, v in data.items() if _index(v) is None)
        raise refusal(where, f"{name!r} has {json.dumps(value, default=str)[:40]} as an index")
    if any(k is not None for k in keys):
        key = next(k for k in data if _index(k) is None)
        raise refusal(where, f"the key {str(key)!r} is not an index, others are")
    raise refusal(where, f"it holds no names; expected {FORMS}")


def _either(data: Mapping[Any, Any], where: str) -> list[str]:
    """Names of a mapping of numbers to numbers, which may be {index: name} or {name: index}."""
    readings = []
    problem: UsageError | None = None
    for turned in (False, True):
        pairs = ((int(v), str(k)) if turned else (int(k), str(v)) for k, v in data.items())
        try:
            readings.append(by_index(pairs, where))
        except UsageError as error:
            problem = problem or error
    if not readings:
        assert problem is not None
        raise problem
    if readings[0] != readings[-1]:
        raise refusal(
            where,
            "it maps numbers to numbers, and {index: name} and {name: index} are both possible; "
            "write a list of names in the order of the classes",
        )
    return readings[0]


def _index(value: Any, *, text: bool = True) -> int | None:
    """Whole number that a key or a value is; texts of digits only where they may be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if text and isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return None
