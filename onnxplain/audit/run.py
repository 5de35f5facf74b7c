"""Run an audit: picture by picture into the store, from wherever it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import ENTRIES, Result, examine, examine_sanity, methods_for
from onnxplain.audit.shortcuts.transplant import transplants
from onnxplain.audit.store import PICTURES, SANITY, TRANSPLANTS, Store
from onnxplain.boundary import one_of_many
from onnxplain.errors import OF_A_PICTURE, OnnxplainError, UsageError
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.question import classes_of, question_files, require_question
from onnxplain.evaluate.run import require_measurable
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.model.model import Model
from onnxplain.provenance import versions

STORE = "results.sqlite"
Progress = Callable[[int, int], None]
# Examines the pictures of some numbers and yields each number with its result, in any order.
Examiner = Callable[[Sequence[int]], Iterator[tuple[int, Result]]]


def open_store(
    folder: str | Path, model: Model, samples: Sequence[Sample], config: AuditConfig
) -> Store:
    """Open the results of an audit, new or begun.

    Raises
    ------
    UsageError
        If the folder holds the results of another model, other data, other questions or
        other versions; a file of the model that changed is named. Also if the model has no
        digest, by which its results could be told.
    OutputError
        If it cannot be written.
    """
    if not model.sha256:
        raise UsageError(
            f"{model.name!r} has no digest, by which its results could be told from those of "
            "another one; save it to a file, and audit that"
        )
    identity = {
        "entries": str(ENTRIES),
        **model.identity.digests,
        "preprocess": model.preprocess.sha256,
        "output": model.network.head.output,
        "labels": _digest(model.labels),
        "questions": config.sha256,
        "data": _digest([_entry(s) for s in samples]),
        # The record names one set of versions for all of its numbers.
        "versions": _digest(versions()),
    }
    answer = model.network.answer
    identity["answer"] = _digest([answer.task, model.network.declared_scores])
    if files := question_files(require_question(model, config.target)):
        identity["target"] = _digest(files)
    if model.network.bound:
        identity["bound"] = _digest(describe_bound(model.network.bound))
    return Store(Path(folder) / STORE, identity)


def run_audit(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    progress: Progress | None = None,
    *,
    examiner: Examiner | None = None,
) -> None:
    """Examine every picture that the store has no result of, then what needs all of them.

    That is the methods' sanity, and what places do in pictures of other classes.

    Parameters
    ----------
    store : Store
        See `open_store`.
    model : Model
        The model.
    samples : sequence of Sample
        The data set.
    config : AuditConfig
        The questions.
    progress : callable, optional
        Called with (pictures done, pictures in all), those of earlier runs included.
    examiner : callable, optional
        Who examines the pictures; this process, one after the other, if not given.

    Raises
    ------
    UsageError
        If no method applies, a label is no class of the model, or a measure needs what no
        picture has; nothing has run then.
    OutputError
        If a result cannot be written; everything before is kept.
    """
    methods, _ = methods_for(model, config)
    require_measurable([find_measure(name) for name in config.measures], samples, model)
    classes = classes_of(model)
    for label in {s.label for s in samples if s.label is not None} if classes else ():
        model.task.index(label)
    done = store.done(PICTURES)
    missing = [n for n in range(len(samples)) if n not in done]
    count = len(done)
    if progress is not None:
        progress(count, len(samples))
    here = examiner or _in_this_process(model, samples, methods, config)
    for number, (value, maps) in here(missing):
        store.add(PICTURES, number, value, maps)
        count += 1
        if progress is not None:
            progress(count, len(samples))
    results = dict(store.results(PICTURES))
    for number in sanity_numbers(store, config):
        if number not in store.done(SANITY):
            # A method that this picture refused has no map to compare.
            drawn = [m for m in methods if m in results[number]["methods"]]
            store.add(SANITY, number, _sanity(model, samples[number], drawn, config))
    if not store.done(TRANSPLANTS):
        found = [asdict(t) for t in transplants(store, model, samples)]
        store.add(TRANSPLANTS, 0, {"transplants": found})


def sanity_numbers(store: Store, config: AuditConfig) -> list[int]:
    """Numbers of the pictures on which sanity is checked: those with maps, evenly spread."""
    explained = [n for n, value in store.results(PICTURES) if value.get("methods")]
    return spread(explained, config.sanity_pictures)


def is_complete(store: Store, samples: Sequence[Sample], config: AuditConfig) -> bool:
    """Whether every picture has been examined, and all that follows been tried."""
    if len(store.done(PICTURES)) < len(samples):
        return False
    sane = store.done(SANITY) >= set(sanity_numbers(store, config))
    return sane and bool(store.done(TRANSPLANTS))


def _in_this_process(
    model: Model, samples: Sequence[Sample], methods: Sequence[str], config: AuditConfig
) -> Examiner:
    def examiner(numbers: Sequence[int]) -> Iterator[tuple[int, Result]]:
        for number in numbers:
            yield number, examine(model, samples[number], methods, config)

    return examiner


def _sanity(
    model: Model, sample: Sample, methods: Sequence[str], config: AuditConfig
) -> dict[str, Any]:
    """Sanity of one picture; one that changed or went since it was examined says so."""
    found: dict[str, Any] = {}

    def failed(error: OnnxplainError) -> None:
        found.update(name=sample.name, methods={}, problem=str(error))

    with one_of_many(failed, OF_A_PICTURE):
        found.update(examine_sanity(model, sample, methods, config))
    return found


def _entry(sample: Sample) -> list[Any]:
    return [sample.name, sample.label, str(sample.mask or ""), [list(b) for b in sample.boxes]]


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
