"""The class names of a YAML file such as Ultralytics' ``data.yaml``, and nothing else of YAML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onnxplain.inputs.label_order import by_index, name_of, refusal

_KEY = re.compile(r"^(?:names|class_names|classes)\s*:(?=\s|$)", re.MULTILINE)
_ENTRY = re.compile(r"(-?[0-9]{1,18})\s*:\s+(.*)", re.ASCII)
_QUOTED = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')\s*""", re.DOTALL)
_REMARK = re.compile(r"(?:^|\s)#.*$")
# A quoted name may hold the sign of a remark.
_QUOTED_LINE = re.compile(
    r"""(\s*(?:-\s+|-?[0-9]+\s*:\s+)(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'))\s*(?:#.*)?""", re.ASCII
)


def says_names(text: str) -> bool:
    """Whether a text holds the key ``names`` at the beginning of a line, as YAML does."""
    return re.search(r"^names\s*:(?=\s|$)", text, re.MULTILINE) is not None


def names_of_yaml(text: str, where: str) -> list[str]:
    """Read the list or mapping below ``names``, in either way of writing it.

    Raises
    ------
    UsageError
        If there is no such key, or what stands there is no list of names and no mapping of
        indices to names.
    """
    key = _KEY.search(text)
    if key is None:
        raise refusal(where, "no key 'names' at the beginning of a line; expected `names: [...]`")
    rest = text[key.end() :].lstrip(" \t")
    if rest[:1] in ("[", "{"):
        return _flow(rest, where)
    return _block(rest.splitlines(), where)


def _block(lines: Sequence[str], where: str) -> list[str]:
    """Read one entry a line: ``- name`` or ``index: name``."""
    entries: list[str] = []
    for number, line in enumerate(lines):
        quoted = _QUOTED_LINE.fullmatch(line)
        plain = quoted[1] if quoted else _REMARK.sub("", line)
        if not plain.strip() or plain.strip() == "---":
            continue
        if number == 0:
            raise refusal(where, f"'names' is {plain.strip()[:40]!r}; expected a list or a mapping")
        if plain[0] not in " \t-":
            break
        entries.append(plain.strip())
    listed = [e[1:].strip() for e in entries if e.startswith("-")]
    if listed and len(listed) == len(entries):
        return _all_named(listed, where)
    return _indexed(entries, where)


def _flow(text: str, where: str) -> list[str]:
    """Read ``[a, b]`` or ``{0: a, 1: b}``, over several lines or not."""
    closing = "]" if text[0] == "[" else "}"
    parts, position, part = [], 1, ""
    while position < len(text) and text[position] != closing:
        quoted = _QUOTED.match(text, position) if text[position] in "\"'" else None
        if quoted and (not part.strip() or part.rstrip().endswith(":")):
            part, position = part + quoted[0], quoted.end()
            continue
        if text[position] == ",":
            parts.append(part.strip())
            part = ""
        elif text[position] == "#" and text[position - 1].isspace():
            position = text.find("\n", position)
            if position < 0:
                break
        else:
            part += text[position]
        position += 1
    if position < 0 or position >= len(text):
        raise refusal(where, f"'names' begins with {text[0]!r}, and no {closing!r} ends it")
    if part.strip():
        parts.append(part.strip())
    return _all_named(parts, where) if closing == "]" else _indexed(parts, where)


def _indexed(entries: Sequence[str], where: str) -> list[str]:
    found = [_ENTRY.fullmatch(e) for e in entries]
    for entry, match in zip(entries, found, strict=True):
        if match is None:
            raise refusal(
                where, f"{entry[:40]!r} below 'names' is neither '- name' nor 'index: name'"
            )
    return by_index(((int(m[1]), _scalar(m[2], f"index {m[1]}", where)) for m in found if m), where)


def _all_named(entries: Sequence[str], where: str) -> list[str]:
    return [_scalar(e, f"entry {k}", where) for k, e in enumerate(entries)]


def _scalar(text: str, what: str, where: str) -> str:
    """Text of a plain or quoted scalar."""
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        if text.strip() in ("", "~", "null"):
            raise refusal(where, f"{what} has no name")
        return name_of(" ".join(text.split()), what, where)
    if quoted[1] is not None:
        return name_of(re.sub(r"\\(.)", r"\1", quoted[1]), what, where)
    return name_of(quoted[2].replace("''", "'"), what, where)
