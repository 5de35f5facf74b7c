"""The record of an audit: one JSON document that another party can check.

Its layout is published as a JSON Schema (``onnxplain/data/record.schema.json``). Keys are
sorted and nothing but ``times`` depends on when or how fast it was made, so that the
records of two equal audits are equal but for that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import methods_for
from onnxplain.audit.run import is_complete
from onnxplain.audit.store import PICTURES, SANITY, Store
from onnxplain.audit.summaries import sums_of_entries, sums_of_maps
from onnxplain.errors import UsageError
from onnxplain.evaluate.question import question_files, require_question
from onnxplain.files import read_json, whole_file
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.provenance import versions

RECORD = "record.json"
FORMAT = 3
# From which format on records have curves, and say what suspected places do.
WITH_CURVES = 2
# A hundred thousand pictures by three methods.
_MOST_BYTES = 500_000_000


def write_record(
    path: str | Path,
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Sum up what the store holds and write the record, whole or not at all.

    Pictures are written one by one, so that memory does not grow with their number.

    Parameters
    ----------
    path : path
        The file.
    store : Store
        The results, all of them or those so far.
    model : Model
        What was audited.
    samples : sequence of Sample
        The data set.
    config : AuditConfig
        The questions.
    sources : mapping of str to str
        Where ``model`` and ``data`` were, as given.

    Returns
    -------
    dict
        The record without its pictures.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    head = _head(store, model, samples, config, sources)
    with whole_file(path) as file:
        for piece in _document(head, store):
            file.write(piece.encode("utf-8"))
    return head


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a record and check it against the schema.

    Raises
    ------
    UsageError
        If it cannot be read, or is no record of this format.
    """
    import jsonschema

    record = read_json(path, "record", _MOST_BYTES)
    try:
        jsonschema.Draft202012Validator(schema()).validate(record)
    except jsonschema.ValidationError as error:
        message = error.message if len(error.message) < 200 else error.message[:200] + "..."
        raise UsageError(
            f"{str(path)!r} is no record of an audit: at {error.json_path}: {message}"
        ) from error
    return dict(record)


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the record."""
    text = resources.files("onnxplain").joinpath("data/record.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def picture_entries(store: Store) -> Iterator[dict[str, Any]]:
    """Each picture as the record holds it: without times."""
    for number, value in store.results(PICTURES):
        kept = {k: v for k, v in value.items() if k != "seconds"}
        yield {"number": number, **kept}


def _document(head: Mapping[str, Any], store: Store) -> Iterator[str]:
    """Pieces of the JSON text: one line for each top-level key and each picture."""
    between = "{\n"
    for key in sorted([*head, "pictures"]):
        yield f"{between}{_text(key)}: "
        between = ",\n"
        if key != "pictures":
            yield _text(head[key])
            continue
        yield "["
        for k, entry in enumerate(picture_entries(store)):
            yield f"{',' if k else ''}\n {_text(entry)}"
        yield "]"
    yield "\n}\n"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _head(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    sources: Mapping[str, str],
) -> dict[str, Any]:
    methods, left_out = methods_for(model, config)
    files = question_files(require_question(model, config.target))
    return {
        "format": FORMAT,
        "complete": is_complete(store, samples, config),
        "model": _about_model(model, sources["model"]),
        "data": _about_data(store, samples, sources["data"]),
        "preprocess": {"sha256": model.preprocess.sha256, **model.preprocess.to_dict()},
        "questions": config.to_dict(),
        **({"target_files": files} if files else {}),
        "methods": {name: about_method(name, model, config) for name in methods},
        "left_out": left_out,
        "versions": versions(),
        "sanity_pictures": [{"number": n, **value} for n, value in store.results(SANITY)],
        **sums_of_entries(store, config.examples),
        **sums_of_maps(store, config.examples),
        "times": _times(store),
    }


def _about_model(model: Model, source: str) -> dict[str, Any]:
    head, image = model.network.head, model.network.image
    return {
        "name": model.name,
        "source": source,
        "sha256": model.sha256,
        "files": model.identity.to_list(),
        "input": image.name,
        "layout": image.layout,
        "output": head.output,
        "device": model.network.ort.device,
        "task": model.task.name,
        **({"scores": declared} if (declared := model.network.declared_scores) else {}),
        "classes": model.task.count,
        "labels": list(model.labels),
        "sources": model.sources,
        **({"bound": describe_bound(model.network.bound)} if model.network.bound else {}),
        "warnings": model.checked_warnings(),
        "independence": model.network.independence.to_dict(),
    }


def _about_data(store: Store, samples: Sequence[Sample], source: str) -> dict[str, Any]:
    examined = sorted(store.done(PICTURES))
    entries = ((samples[n], value) for n, value in store.results(PICTURES))
    return {
        "source": source,
        "pictures": len(samples),
        "examined": len(examined),
        "with_mask": sum(samples[n].has_mask for n in examined),
        "sha256": data_sha256(entries),
    }


def data_sha256(entries: Iterable[tuple[Sample, Mapping[str, Any]]]) -> str:
    """Digest of pictures with their labels and masks, as the record's schema says.

    Parameters
    ----------
    entries : iterable of (Sample, mapping)
        Each examined picture, and what was found of it.
    """
    digest = hashlib.sha256()
    for sample, value in entries:
        contents = (value["file_sha256"], value.get("mask_sha256"))
        entry = [sample.name, sample.label, *contents, [list(b) for b in sample.boxes]]
        digest.update(_text(entry).encode() + b"\n")
    return digest.hexdigest()


def about_method(name: str, model: Model, config: AuditConfig) -> dict[str, Any]:
    """What the record says of a method: all parameters, and what it ran on."""
    method = find(name)
    parameters = check_parameters(method, config.parameters(name))
    return {
        "parameters": parameters,
        "engine": method.runs_on,
        "device": model.network.adapter(method.capabilities(parameters)).device,
    }


def _times(store: Store) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    for _, value in store.results(PICTURES):
        for method, spent in value.get("seconds", {}).items():
            seconds[method] = seconds.get(method, 0.0) + spent
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"written": now, "explaining_seconds": seconds}
