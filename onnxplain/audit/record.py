"""The record of an audit: one JSON document that another party can check.

Its layout is published as a JSON Schema (``onnxplain/data/record.schema.json``), and the
objects that it becomes stand in `onnxplain.audit.records`. Keys are sorted and nothing but
``times`` depends on when or how fast it was made, so that the records of two equal audits are
equal but for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from onnxplain.audit.audit import Audit
from onnxplain.audit.head import Sources, make_head
from onnxplain.audit.records.pictures import Done, Picture
from onnxplain.audit.records.plain import build, plain
from onnxplain.audit.records.record import Head, Record
from onnxplain.audit.store import Results
from onnxplain.errors import UsageError
from onnxplain.files import read_json, whole_file

RECORD = "record.json"
# A hundred thousand pictures by three methods.
_MOST_BYTES = 500_000_000


def write_record(path: str | Path, audit: Audit, sources: Sources) -> Head:
    """Sum up what an audit's store holds and write the record, whole or not at all.

    Pictures are written one by one, so that memory does not grow with their number.

    Parameters
    ----------
    path : path
        The file.
    audit : Audit
        With all results, or those so far.
    sources : Sources
        Where ``model`` and ``data``, one source or several, and ``boxes`` if there are any, were.

    Returns
    -------
    Head
        The record without its pictures.

    Raises
    ------
    OutputError
        If it cannot be written, or the store was removed.
    """
    audit.store.require_there()
    head = make_head(audit, sources)
    with whole_file(path) as file:
        for piece in _document(head.to_dict(), audit.store):
            file.write(piece.encode("utf-8"))
    return head


def read_record(path: str | Path) -> Record:
    """Read a record of any format and check it against the schema.

    Raises
    ------
    UsageError
        If it cannot be read, or is no record of these formats.
    """
    import jsonschema

    data = read_json(path, "record", _MOST_BYTES)
    try:
        jsonschema.Draft202012Validator(schema()).validate(data)
    except jsonschema.ValidationError as error:
        message = error.message if len(error.message) < 200 else error.message[:200] + "..."
        raise UsageError(
            f"{str(path)!r} is not the record of an audit: at {error.json_path}: {message}"
        ) from error
    return build(Record, data)


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the record."""
    text = resources.files("onnxplain").joinpath("data/record.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def recorded_pictures(results: Results) -> Iterator[Picture]:
    """Each picture as the record holds it: without times, and without weak boxes."""
    for picture in results.pictures():
        if isinstance(picture, Done):
            picture = replace(picture, seconds=None, weighed=None)
        yield picture


def _document(head: Mapping[str, Any], results: Results) -> Iterator[str]:
    """Pieces of the JSON text: one line for each top-level key and each picture."""
    between = "{\n"
    for key in sorted([*head, "pictures"]):
        yield f"{between}{_text(key)}: "
        between = ",\n"
        if key != "pictures":
            yield _text(head[key])
            continue
        yield "["
        for k, picture in enumerate(recorded_pictures(results)):
            yield f"{',' if k else ''}\n {_text(plain(picture))}"
        yield "]"
    yield "\n}\n"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)
