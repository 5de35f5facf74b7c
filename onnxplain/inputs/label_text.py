"""Class names in a text file of any form that is in use."""

from __future__ import annotations

import re
from pathlib import PurePath

from onnxplain.errors import UsageError
from onnxplain.inputs.label_forms import names_in, parse
from onnxplain.inputs.label_order import by_index, name_of, refusal
from onnxplain.inputs.label_table import SYNSET, is_heading, names_of_text
from onnxplain.inputs.label_yaml import names_of_yaml, says_names

# "0: tench", "0,tench", "0<tab>tench": the sign says that the number is no part of the name.
_SIGNED = re.compile(r"\s*(-?[0-9]{1,18})\s*[:;,=\t|]\s*(.*\S)\s*", re.ASCII)
_SPACED = re.compile(r"\s*\[?(-?[0-9]{1,18})[ .)\]]+(?:- +)?(.*\S)\s*", re.ASCII)
# "tench 0", "tench: 0", "tench,0": as text of a mapping of names to indices.
_BEHIND = re.compile(r"(.*[^\s:;,=|])(?:\s*[:;,=\t|]\s*|\s+)([0-9]{1,18})", re.ASCII)
_TABLES = (".csv", ".tsv")
_YAML = (".yaml", ".yml")


def names_of_file(text: str, file: str) -> list[str]:
    """Read class names out of the text of a file.

    Parameters
    ----------
    text : str
        JSON; a table; the ``names`` of a YAML file; or a line for each class, with its index
        or its synset in front or not.
    file : str
        The file's name: its ending decides, and that it is Keras' ``class_indices``.

    Returns
    -------
    list of str
        In class order; may be empty.

    Raises
    ------
    UsageError
        If it holds no names, or its indices are not 0, 1, 2, ... each once.
    """
    path = PurePath(file)
    suffix = path.suffix.lower()
    text = text.removeprefix("\ufeff")  # of editors that mark UTF-8
    keyed = any(k in path.name.lower() for k in ("class_indices", "label2id", "class_to_idx"))
    if suffix == ".json":
        return names_in(parse(text, file), file, keys_are_names=keyed)
    if suffix in _YAML or says_names(text):
        return names_of_yaml(text, file)
    if suffix in _TABLES:
        return _without_synsets(names_of_text(text, file))
    if text.lstrip()[:1] in ("[", "{"):
        try:
            data = parse(text, file)
        except UsageError:
            return names_of_lines(text, file)
        return names_in(data, file, keys_are_names=keyed)
    return names_of_lines(text, file)


def names_of_lines(text: str, where: str) -> list[str]:
    """Read one name a line, with an index or a synset in front if all lines have one.

    Raises
    ------
    UsageError
        If some lines have an index and others not, or they are not 0, 1, 2, ... each once.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and is_heading(lines[0]):
        return _without_synsets(names_of_text(text, where))
    lines = _without_synsets(lines)
    signed = [_SIGNED.fullmatch(line) for line in lines]
    if len(lines) > 1 and all(signed):
        return _without_synsets(_numbered(signed, where))
    spaced = [_SPACED.fullmatch(line) for line in lines]
    if len(lines) > 1 and all(spaced):
        try:
            return _without_synsets(_numbered(spaced, where))
        except UsageError as error:
            raise UsageError(
                f"{error}; if the numbers belong to the names, write a .json list"
            ) from None
    indexed = _indexed_after(lines)
    if indexed is not None:
        return _without_synsets(by_index(indexed, where))
    with_sign = [k for k, found in enumerate(signed) if found]
    if len(with_sign) > 1 and signed[0]:
        without = next(k for k, found in enumerate(signed) if not found)
        raise refusal(where, f"{lines[without]!r} has no index in front, other lines have")
    return [name_of(line, f"line {k}", where) for k, line in enumerate(lines, 1)]


def _numbered(found: list[re.Match[str] | None], where: str) -> list[str]:
    return by_index(((int(m[1]), _unquoted(m[2])) for m in found if m), where)


def _indexed_after(lines: list[str]) -> list[tuple[int, str]] | None:
    """Index and name of each line, if all of them end with an index, and each is there once.

    Names that only differ by their number ("digit 0", "digit 1") are names.
    """
    found = [m for line in lines if (m := _BEHIND.fullmatch(line))]
    entries = [(int(m[2]), _unquoted(m[1])) for m in found]
    indices, names = ({e[k] for e in entries} for k in (0, 1))
    whole = len(lines) > 1 and len(found) == len(lines) == len(names)
    return entries if whole and indices == {*range(len(lines))} else None


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        return name[1:-1]
    return name


def _without_synsets(names: list[str]) -> list[str]:
    """Names without the WordNet synset in front, if each has one and something after it."""
    parts = [re.split(r"[\s,:]+", name, maxsplit=1) for name in names]
    if all(len(p) == 2 and p[1] and SYNSET.fullmatch(p[0]) for p in parts):
        return [p[1] for p in parts]
    return names
