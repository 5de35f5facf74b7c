"""Run an audit: picture by picture into the store, from wherever it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from onnxplain.audit.audit import Audit
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import ENTRIES, Examined, examine_sanity, methods_for
from onnxplain.audit.records.pictures import Done, SanityPicture
from onnxplain.audit.records.plain import plain
from onnxplain.audit.shortcuts.transplant import transplants
from onnxplain.audit.store import PICTURES, SANITY, TRANSPLANTS, Store
from onnxplain.audit.summary import done
from onnxplain.boundary import one_of_many
from onnxplain.errors import OF_A_PICTURE, OnnxplainError, UsageError
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.question import classes_of, question_files, require_question
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.run import require_measurable
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.machine import versions
from onnxplain.model.model import Model
from onnxplain.network.engines import AUTO
from onnxplain.process.journal import in_hand

STORE = "results.sqlite"
Progress = Callable[[int, int], None]
# Examines the pictures of some numbers and yields each result, in any order.
Examiner = Callable[[Sequence[int]], Iterator[Examined]]


@contextmanager
def open_audit(
    folder: str | Path,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    truth: Truth | None = None,
) -> Iterator[Audit]:
    """Open an audit, new or begun, until the context is left.

    Raises
    ------
    UsageError
        If no method applies, or as `open_store` says.
    OutputError
        If it cannot be written.
    """
    methods, _ = methods_for(model, config, truth)
    with open_store(folder, model, samples, config, truth) as store:
        yield Audit(model, samples, config, methods, store, truth)


def open_store(
    folder: str | Path,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    truth: Truth | None = None,
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
            f"{model.name!r} has no digest, so its results cannot be told from those of another "
            "model; save it to a file and audit the file"
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
    annotated = [s.annotation and s.annotation.to_list() for s in samples]
    classes = None if truth is None else sorted(truth.classes.items(), key=str)
    identity["boxes"] = _digest([classes, annotated])
    answer = model.network.answer
    identity["answer"] = _digest([answer.task, model.network.declared_scores])
    if files := question_files(require_question(model, config.target)):
        identity["target"] = _digest(files)
    if model.network.gradients_by != AUTO:
        identity["engine"] = model.network.gradients_by
    if model.network.bound:
        identity["bound"] = _digest(describe_bound(model.network.bound))
    return Store(Path(folder) / STORE, identity)


def run_audit(
    audit: Audit, progress: Progress | None = None, *, examiner: Examiner | None = None
) -> None:
    """Examine every picture that there is no result of, then what needs all of them.

    That is the methods' sanity, and what places do in pictures of other classes.

    Parameters
    ----------
    audit : Audit
        See `open_audit`.
    progress : callable, optional
        Called with (pictures done, pictures in all), those of earlier runs included.
    examiner : callable, optional
        Who examines the pictures; this process, one after the other, if not given.

    Raises
    ------
    UsageError
        If a label is no class of the model, or a measure needs what no picture has; nothing
        has run then.
    OutputError
        If a result cannot be written; everything before is kept.
    """
    model, samples, store = audit.model, audit.samples, audit.store
    require_measurable([find_measure(n) for n in audit.config.measures], samples, model)
    classes = classes_of(model)
    for label in {s.label for s in samples if s.label is not None} if classes else ():
        model.task.index(label)
    before = store.done(PICTURES)
    missing = [n for n in range(len(samples)) if n not in before]
    count = len(before)
    if progress is not None:
        progress(count, len(samples))
    for picture, maps in (examiner or (lambda numbers: map(audit.examine, numbers)))(missing):
        store.add(PICTURES, picture.number, plain(picture), maps)
        count += 1
        if progress is not None:
            progress(count, len(samples))
    lost = RandomisedModels(model, seed=audit.config.seed)
    for picture in sanity_pictures(audit):
        if picture.number not in store.done(SANITY):
            store.add(SANITY, picture.number, plain(_sanity(audit, picture, lost)))
    if not store.done(TRANSPLANTS):
        with in_hand("places put into other pictures", of_many=False):
            found = [asdict(t) for t in transplants(store, model, samples)]
        store.add(TRANSPLANTS, 0, {"transplants": found})


def sanity_pictures(audit: Audit) -> list[Done]:
    """Pictures on which sanity is checked: those with maps, evenly spread."""
    explained = [p.number for p in done(audit.store) if p.methods]
    chosen = set(spread(explained, audit.config.sanity_pictures))
    return [p for p in done(audit.store) if p.number in chosen]


def is_complete(audit: Audit) -> bool:
    """Whether every picture has been examined, and all that follows been tried."""
    store = audit.store
    if len(store.done(PICTURES)) < len(audit.samples):
        return False
    sane = store.done(SANITY) >= {p.number for p in sanity_pictures(audit)}
    return sane and bool(store.done(TRANSPLANTS))


def _sanity(audit: Audit, picture: Done, lost: RandomisedModels) -> SanityPicture:
    """Sanity of one picture; one that changed or went since it was examined says so."""
    number, sample = picture.number, audit.samples[picture.number]
    found: list[SanityPicture] = []

    def failed(error: OnnxplainError) -> None:
        found.append(SanityPicture(number=number, name=sample.name, methods={}, problem=str(error)))

    with one_of_many(failed, OF_A_PICTURE), in_hand(sample.name):
        # A method that this picture refused has no map to compare.
        drawn = [m for m in audit.methods if m in picture.methods]
        found.append(
            examine_sanity(audit.model, sample, drawn, audit.config, number, audit.truth, lost)
        )
    return found[0]


def _entry(sample: Sample) -> list[Any]:
    entry = [sample.name, sample.label, str(sample.mask or ""), [list(b) for b in sample.boxes]]
    return entry if sample.group is None else [*entry, sample.group]


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
