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
from onnxplain.errors import ImageError, NumericalError
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.run import require_measurable
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.model.model import Model
from onnxplain.provenance import versions
from onnxplain.targets.classes import class_index

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
        other versions.
    OutputError
        If it cannot be written.
    """
    identity = {
        "entries": str(ENTRIES),
        "model": model.sha256,
        "preprocess": model.preprocess.sha256,
        "output": model.network.head.output,
        "labels": _digest(model.labels),
        "questions": config.sha256,
        "data": _digest([_entry(s) for s in samples]),
        # The record names one set of versions for all of its numbers.
        "versions": _digest(versions()),
    }
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
    require_measurable([find_measure(name) for name in config.measures], samples)
    for label in {s.label for s in samples if s.label is not None}:
        class_index(label, model.labels, model.network.classes)
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
    for number in sanity_numbers(store, config):
        if number not in store.done(SANITY):
            value = _sanity(model, samples[number], methods, config)
            store.add(SANITY, number, value)
    if not store.done(TRANSPLANTS):
        found = [asdict(t) for t in transplants(store, model, samples)]
        store.add(TRANSPLANTS, 0, {"transplants": found})


def sanity_numbers(store: Store, config: AuditConfig) -> list[int]:
    """Numbers of the pictures on which sanity is checked: readable ones, evenly spread."""
    readable = [n for n, value in store.results(PICTURES) if value["status"] == "done"]
    return spread(readable, config.sanity_pictures)


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
    try:
        return examine_sanity(model, sample, methods, config)
    except (ImageError, NumericalError) as error:
        return {"name": sample.name, "methods": {}, "problem": str(error)}


def _entry(sample: Sample) -> list[Any]:
    return [sample.name, sample.label, str(sample.mask or ""), [list(b) for b in sample.boxes]]


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
