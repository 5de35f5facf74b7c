"""What a record says beside its pictures: what was audited, and all summaries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, TypedDict

from onnxplain.audit.audit import Audit
from onnxplain.audit.boxes.sums import sum_of_boxes
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.records.about import (
    DataEntry,
    MethodEntry,
    ModelEntry,
    QuestionsEntry,
    RecipeEntry,
    Times,
)
from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Head
from onnxplain.audit.run import is_complete
from onnxplain.audit.store import PICTURES, Store
from onnxplain.audit.summaries import summarise_entries, summarise_maps
from onnxplain.audit.summary import done
from onnxplain.evaluate.boxes.look import require_boxes
from onnxplain.evaluate.boxes.score import DetectionScore
from onnxplain.evaluate.question import question_files, require_question
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample
from onnxplain.machine import versions
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.network.engines import AUTO

FORMAT = 5


class _Sources(TypedDict):
    model: str
    data: str | Sequence[str]


class Sources(_Sources, total=False):
    """Where model, data and annotated boxes were, as they were given, and the column of groups."""

    boxes: str
    groups: str


def make_head(audit: Audit, sources: Sources) -> Head:
    """Sum up what an audit's store holds.

    Parameters
    ----------
    audit : Audit
        With all results, or those so far.
    sources : Sources
        Where ``model`` and ``data``, one source or several, and ``boxes`` if there are any, were;
        and the column of the tables that names ``groups``, if one does.
    """
    model, config, store = audit.model, audit.config, audit.store
    files = question_files(require_question(model, config.target))
    of_entries = summarise_entries(store, config.examples, model.task.name)
    of_maps = summarise_maps(store, config.examples)
    return Head(
        format=FORMAT,
        complete=is_complete(audit),
        model=_about_model(model, sources["model"]),
        data=_about_data(audit, sources),
        preprocess=RecipeEntry(model.preprocess.sha256, model.preprocess.to_dict()),
        questions=QuestionsEntry(config.to_dict()),
        said_target_files=files or None,
        methods={name: about_method(name, model, config) for name in audit.methods},
        left_out=audit.left_out,
        versions=versions(),
        sanity_pictures=list(store.sanity()),
        predictions=of_entries.predictions,
        answers=of_entries.answers,
        measures=of_entries.measures,
        said_curves=of_entries.curves,
        sanity=of_entries.sanity,
        failures=of_entries.failures,
        classes=of_maps.classes,
        suspects=of_maps.suspects,
        clusters=of_maps.clusters,
        times=_times(store),
        boxes=_boxes(audit),
    )


def about_method(name: str, model: Model, config: AuditConfig) -> MethodEntry:
    """What the record says of a method: all parameters, and what it ran on."""
    method = find(name)
    parameters = dict(check_parameters(method, config.parameters(name)))
    network, needs = model.network, method.capabilities(parameters)
    return MethodEntry(
        parameters=parameters,
        engine="PyTorch" if network.in_pytorch(needs) else "ONNX Runtime",
        device=network.adapter(needs).device,
    )


def data_sha256(entries: Iterable[tuple[Sample, Picture]]) -> str:
    """Digest of pictures with their labels and masks, as the record's schema says.

    Parameters
    ----------
    entries : iterable of (Sample, Picture)
        Each examined picture, and what was found of it.
    """
    digest = hashlib.sha256()
    for sample, found in entries:
        contents = (found.file_sha256, found.mask_sha256 or None)
        entry: list[Any] = [sample.name, sample.label, *contents, [list(b) for b in sample.boxes]]
        if sample.annotation is not None:
            entry.append(sample.annotation.to_list())
        if sample.group is not None:
            entry.append({"group": sample.group})
        digest.update(json.dumps(entry).encode() + b"\n")
    return digest.hexdigest()


def _about_model(model: Model, source: str) -> ModelEntry:
    head, image, bound = model.network.head, model.network.image, model.network.bound
    declared, asked = model.network.declared_scores, model.network.gradients_by
    about: dict[str, Any] = {
        "name": model.name,
        "source": source,
        "sha256": model.sha256,
        "files": model.identity.to_list(),
        "input": image.name,
        "layout": image.layout,
        "output": head.output,
        "device": model.network.ort.device,
        "task": model.task.name,
        **({"scores": declared} if declared else {}),
        "classes": model.task.count,
        "labels": list(model.labels),
        "sources": model.sources,
        **({} if asked == AUTO else {"engine": asked}),
        **({"bound": describe_bound(bound)} if bound else {}),
        "warnings": model.checked_warnings(),
        "independence": model.network.independence.to_dict(),
    }
    return build(ModelEntry, about)


def _is_located(sample: Sample) -> bool:
    """Whether it is known where the evidence is."""
    return sample.has_mask or bool(sample.annotation and sample.annotation.objects)


def _boxes(audit: Audit) -> DetectionScore | None:
    if audit.truth is None:
        return None
    return sum_of_boxes(audit.store, audit.truth, require_boxes(audit.model).layout)


def _about_data(audit: Audit, sources: Sources) -> DataEntry:
    samples, store = audit.samples, audit.store
    examined = sorted(store.done(PICTURES))
    given = [sources["data"]] if isinstance(sources["data"], str) else list(sources["data"])
    return DataEntry(
        source=given[0] if len(given) == 1 else given,
        pictures=len(samples),
        examined=len(examined),
        with_mask=sum(_is_located(samples[n]) for n in examined),
        sha256=data_sha256((samples[p.number], p) for p in store.pictures()),
        boxes=sources.get("boxes"),
        groups=sources.get("groups"),
    )


def _times(store: Store) -> Times:
    seconds: dict[str, float] = {}
    for picture in done(store):
        for method, spent in (picture.seconds or {}).items():
            seconds[method] = seconds.get(method, 0.0) + spent
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Times(written=now, explaining_seconds=seconds)
