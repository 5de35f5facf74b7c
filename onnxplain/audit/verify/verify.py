"""Does the record of an audit reproduce? A sample of it is run again."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnxplain.audit.audit import Audit
from onnxplain.audit.boxes.sums import sum_of_boxes
from onnxplain.audit.examine import examine_sanity, methods_for
from onnxplain.audit.head import about_method, data_sha256
from onnxplain.audit.named_files import with_files
from onnxplain.audit.records.pictures import Picture
from onnxplain.audit.records.plain import plain
from onnxplain.audit.records.record import Record
from onnxplain.audit.run import run_audit
from onnxplain.audit.sources import require_told
from onnxplain.audit.store import PICTURES, Store
from onnxplain.audit.summaries import summarise_maps
from onnxplain.audit.verify.boxes import precision
from onnxplain.audit.verify.check import Check
from onnxplain.audit.verify.maps import check_maps
from onnxplain.audit.verify.pictures import PicturesAgain
from onnxplain.audit.verify.summaries import check_summaries
from onnxplain.audit.verify.suspects import rises
from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.average_precision import is_there
from onnxplain.evaluate.boxes.look import require_boxes
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.question import question_files, require_question
from onnxplain.identity import GRAPH, Identity
from onnxplain.inputs.bound import BoundValue, describe_bound
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.machine import versions
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.process.leftovers import temporary_folder

Progress = Callable[[int, int], None]
# On how many pictures the methods' sanity is checked again, and how far it may be off.
_SANITY_AGAIN, _SANITY_TOLERANCE = 1, 5e-2


@dataclass(frozen=True)
class Verification:
    """What verifying a record found.

    Attributes
    ----------
    checks : list of Check
        Digests, then figures of the pictures, then of the methods' sanity, then summaries.
    not_checked : list of str
        What the record says and nobody looked at.
    """

    checks: list[Check]
    not_checked: list[str]


def open_recorded_model(
    record: Record,
    file: str | None = None,
    device: str = "auto",
    bound: Mapping[str, BoundValue] | None = None,
    *,
    task: str | None = None,
    scores: str | None = None,
    output: str | None = None,
    engine: str | None = None,
    folder: str | Path | None = None,
    follow_record: bool = False,
) -> Model:
    """Open the model of a record with the record's settings.

    A record may come from anybody: the path in it is not followed out of its folder.

    Parameters
    ----------
    record : Record
        See `onnxplain.audit.record.read_record`.
    file : str, optional
        The model file; if not given, the one that the record names in `folder`.
    device : str
        See `load`.
    bound : mapping, optional
        Values of further inputs; those that were bound to a single number get it again
        without.
    task, scores, output, engine : str, optional
        See `load`; what the record says if not given.
    folder : path, optional
        The record's.
    follow_record : bool
        Open whatever file the record names: for records of your own.

    Raises
    ------
    OnnxplainError
        If no file is told, it cannot be read, or does not have the record's inputs and outputs.
    """
    about = record.model
    numbers = {n: b.value for n, b in about.bound.items() if b.value is not None}
    if not follow_record:
        file = require_told(file, folder, about.source, "file")
    return load(
        file or about.source,
        preprocess=record.preprocess.recipe,
        labels=about.labels or None,
        output=output or about.output,
        # Boxes are told by the graph, or by what is declared beside the model.
        task=task or (None if about.task == "boxes" else about.task),
        scores=scores or about.scores,
        input_name=about.input,
        layout=about.layout,
        bound={**numbers, **(bound or {})},
        device=device,
        batch_size=record.questions.config.batch_size,
        engine=engine or about.engine,
    )


def verify(
    record: Record,
    model: Model,
    samples: Sequence[Sample],
    count: int,
    progress: Progress | None = None,
    *,
    truth: Truth | None = None,
    folder: str | Path | None = None,
    files: Sequence[str] = (),
    follow_record: bool = False,
) -> Verification:
    """Run a sample of an audit again.

    Files that the record's questions name (a mask, a background) are not followed out of its
    folder, as `open_recorded_model` says.

    Parameters
    ----------
    record : Record
        See `onnxplain.audit.record.read_record`.
    model : Model
        See `open_recorded_model`.
    samples : sequence of Sample
        The data set.
    count : int
        How many pictures are examined again, evenly spread over the record's.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    truth : Truth, optional
        What is annotated, for a detector.
    folder : path, optional
        The record's.
    files : sequence of str
        Where files are that the questions name; each stands for the one of the same name.
    follow_record : bool
        Open whatever files the record names: for records of your own.

    Returns
    -------
    Verification
        Mean maps, clusters and suspects are among what is checked only if all pictures are
        examined again: a record does not hold the maps that they come from.

    Raises
    ------
    UsageError
        If the data set has none of the record's pictures, its entries have no sums, or a file that
        the questions name is neither told nor in the folder.
    """
    if not follow_record:
        record = with_files(record, folder, files, "files")
    config = record.questions.config
    methods, _ = methods_for(model, config, truth)
    by_name = {s.name: s for s in samples}
    entries = spread(record.pictures, count)
    there = [by_name[entry.name] for entry in entries if entry.name in by_name]
    if entries and not there:
        raise UsageError(
            f"the data set has none of the record's pictures, such as {entries[0].name!r}; "
            "give the data as they were given to the audit, with --data"
        )
    pictures = PicturesAgain()
    with temporary_folder("verify") as folder, _store(folder) as store:
        audit = Audit(model, there, config, methods, store, truth)
        head = [*_head(record, audit), *_data(record, by_name)]
        numbers = itertools.count()
        for done, entry in enumerate(entries, 1):
            known = entry.name in by_name
            pictures.present.equal(True, known, f"{entry.name}, which is missing")
            if known:
                number = next(numbers)
                found, maps = audit.examine(number)
                pictures.compare(entry, found)
                store.add(PICTURES, number, plain(found), maps)
            if progress is not None:
                progress(done, len(entries))
        sanity = _sanity(record, audit, by_name)
        elsewhere = rises(record, model, by_name)
        sums = check_summaries(record, config.examples)
        checks = [*head, *pictures.checks(), *sanity, elsewhere, *sums]
        # Of a figure that the record has nowhere there is nothing to say.
        checks = [check for check in checks if check.compared]
        whole = _is_whole(record, entries, by_name)
        if whole:
            # Nothing but what follows the pictures is left to be done.
            run_audit(audit)
            checks += check_maps(record, summarise_maps(store, config.examples))
            if truth is not None and record.boxes is not None and _counts_precision(record):
                layout = require_boxes(model).layout
                checks.append(precision(record.boxes, sum_of_boxes(store, truth, layout)))
    return Verification(checks, _not_checked(record, model.identity, len(entries), whole=whole))


def _counts_precision(record: Record) -> bool:
    """Whether there is an average precision in the record, and a library to count it again."""
    return record.boxes is not None and record.boxes.map50 is not None and is_there()


def _store(folder: Path) -> Store:
    return Store(folder / "again.sqlite", {})


def _is_whole(record: Record, entries: Sequence[Picture], by_name: Mapping[str, Sample]) -> bool:
    """Whether these entries are every picture of a finished audit, and all are there."""
    return (
        record.complete
        and len(entries) == record.data.pictures
        and all(e.number == k and e.name in by_name for k, e in enumerate(entries))
    )


def _not_checked(record: Record, identity: Identity, count: int, *, whole: bool) -> list[str]:
    pictures = len(record.pictures)
    of_maps = "mean maps, clusters, and where and how often places recur"
    found = []
    if record.boxes is not None and record.boxes.map50 is not None and not is_there():
        found.append("average precision: pycocotools is not installed (onnxplain[boxes])")
    if count < pictures:
        found.append(f"{pictures - count} of {pictures} pictures were not examined again")
    uncovered = [part for part in identity.digests if part not in record.model.digests]
    if uncovered and record.model.files is None:
        found.append(
            f"whether {' and '.join(uncovered)} changed: a record of format {record.format} "
            "holds the SHA-256 of the .onnx file alone"
        )
    if not record.tells_of_places:
        found.append(
            f"curves and what suspected places do: a record of format {record.format} does "
            "not hold them"
        )
    elif not record.tells_of_answers:
        found.append(
            f"which places are suspected: a record of format {record.format} has an earlier "
            "definition"
        )
    if not record.complete:
        found.append(f"{of_maps}: the audit was stopped before they were complete")
    elif not whole:
        of_maps += "" if record.boxes is None else ", and average precision"
        found.append(
            f"{of_maps}: they need the maps of all pictures, which a record does not contain; "
            f"--sample {pictures} recomputes them"
        )
    return found


def other_versions(record: Record) -> list[str]:
    """Say which versions differ from those of a record."""
    here = versions()
    return [
        f"{name} was {then}, is {here.get(name, 'not installed')}"
        for name, then in record.versions.items()
        if here.get(name) != then
    ]


def _head(record: Record, audit: Audit) -> list[Check]:
    """Compare what was audited, and by which methods."""
    model, config = audit.model, audit.config
    same_recipe = Check("preprocessing")
    same_recipe.equal(record.preprocess.sha256, model.preprocess.sha256, "its SHA-256")
    ran = {name: about_method(name, model, config) for name in audit.methods}
    same_methods = Check("methods")
    for name in sorted({*ran, *record.methods}):
        # Another machine may have other devices.
        (parameters, engine), (parameters_now, engine_now) = (
            (None, None) if m is None else (m.parameters, m.engine)
            for m in (record.methods.get(name), ran.get(name))
        )
        # As JSON has them.
        parameters_now = json.loads(json.dumps(parameters_now))
        same_methods.equal(parameters, parameters_now, f"parameters of {name}")
        same_methods.equal(engine, engine_now, f"engine of {name}")
    same_methods.equal(list(record.left_out), audit.left_out, "methods left out")
    same_model = _model(record, model.identity)
    then = {name: bound.sha256 for name, bound in record.model.bound.items()}
    now = {name: told["sha256"] for name, told in describe_bound(model.network.bound).items()}
    for name in sorted({*then, *now}):
        same_model.equal(then.get(name), now.get(name), f"the value of input {name}")
    asked = record.target_files
    here = question_files(require_question(model, config.target))
    for name in sorted({*asked, *here}):
        same_model.equal(asked.get(name), here.get(name), f"the target's file {name}")
    return [same_model, same_recipe, same_methods]


def _model(record: Record, identity: Identity) -> Check:
    """Compare the digests of the model's files, as far as the record has them."""
    check = Check("model file")
    known, found = record.model.digests, identity.digests
    whole = record.model.files is not None
    for part in sorted({*known, *(found if whole else ())} - {GRAPH}):
        check.equal(known.get(part), found.get(part), part)
    if whole:
        check.equal(record.model.sha256, identity.sha256, "its SHA-256")
    else:
        check.equal(known[GRAPH], found[GRAPH], "the SHA-256 of its .onnx file")
    return check


def _data(record: Record, by_name: Mapping[str, Sample]) -> list[Check]:
    """Compare the digest of the data set, if all of the record's pictures are there."""
    if any(entry.name not in by_name for entry in record.pictures):
        return []
    check = Check("data set")
    found = data_sha256((by_name[entry.name], entry) for entry in record.pictures)
    check.equal(record.data.sha256, found, "its SHA-256")
    return [check]


def _sanity(record: Record, audit: Audit, by_name: Mapping[str, Sample]) -> list[Check]:
    """Sanity of the first checked picture again, if the record tells of single pictures."""
    check = Check("sanity", _SANITY_TOLERANCE)
    for known in record.sanity_pictures[:_SANITY_AGAIN]:
        if known.name in by_name:
            drawn = [m for m in audit.methods if m in known.methods]
            found = examine_sanity(
                audit.model, by_name[known.name], drawn, audit.config, truth=audit.truth
            )
            for method, result in known.methods.items():
                again = found.methods.get(method)
                for key in ("left", "other_class"):
                    where = f"{key} of {method} on {known.name}"
                    check.near(getattr(result, key), getattr(again, key, None), where)
    return [check] if check.compared else []
