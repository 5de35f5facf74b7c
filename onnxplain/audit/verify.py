"""Does the record of an audit reproduce? A sample of it is run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onnxplain.api import load
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import examine, examine_sanity, methods_for
from onnxplain.audit.resummed import resummed
from onnxplain.dataset import Sample, spread
from onnxplain.errors import UsageError
from onnxplain.model import Model
from onnxplain.preprocess import Preprocess
from onnxplain.provenance import versions

Progress = Callable[[int, int], None]
# How far numbers of other machines and versions may be off: what an order of summation and
# another kernel make of float32, with a margin; far less than anything a reader would see.
_TOLERANCE = {"probability": 1e-4, "measure": 5e-3, "evidence": 5e-3, "sanity": 5e-2}
_SUMMED = 1e-6
# These are rounding itself: that the engines agree is checked, and not by how much.
_NOISE = {"parity_error"}
_SANITY_AGAIN = 1


@dataclass
class Check:
    """One figure of the record, compared.

    Attributes
    ----------
    figure : str
        What was compared.
    tolerance : float or None
        How far numbers may be apart; ``None`` for what must be equal.
    compared : int
        How many values.
    largest : float or None
        Largest difference: absolute, or relative where a value is above 1.
    worst : str
        Where that was, or what differs.
    """

    figure: str
    tolerance: float | None = None
    compared: int = 0
    largest: float | None = None
    worst: str = ""
    differing: int = field(default=0)

    @property
    def reproduces(self) -> bool:
        """Whether nothing is further apart than the tolerance."""
        return self.differing == 0

    def equal(self, known: Any, found: Any, where: str) -> None:
        """Compare what must be equal."""
        self.compared += 1
        if known != found:
            self.differing += 1
            self.worst = self.worst or where

    def near(self, known: float | None, found: float | None, where: str) -> None:
        """Compare two numbers."""
        if known is None or found is None:
            self.equal(known, found, where)
            return
        assert self.tolerance is not None
        self.compared += 1
        apart = abs(known - found) / max(1.0, abs(known))
        if self.largest is None or apart > self.largest:
            self.largest, self.worst = apart, where
        self.differing += not apart <= self.tolerance

    def said(self) -> str:
        """Say in words what does not reproduce."""
        return f"NO: {self.differing} of {self.compared}, such as {self.worst}"


def open_again(record: Mapping[str, Any], file: str | None = None, device: str = "auto") -> Model:
    """Open the model of a record with the record's settings.

    Raises
    ------
    OnnxplainError
        If it cannot be read, or does not have the record's inputs and outputs.
    """
    about = record["model"]
    recipe = {k: v for k, v in record["preprocess"].items() if k != "sha256"}
    return load(
        file or about["source"],
        preprocess=Preprocess.from_dict(recipe, "the record's preprocess"),
        labels=about["labels"] or None,
        output=about["output"],
        input_name=about["input"],
        layout=about["layout"],
        device=device,
        batch_size=AuditConfig.from_dict(record["questions"], "the record's questions").batch_size,
    )


def verify(
    record: Mapping[str, Any],
    model: Model,
    samples: Sequence[Sample],
    count: int,
    progress: Progress | None = None,
) -> list[Check]:
    """Run a sample of an audit again.

    Parameters
    ----------
    record : mapping
        See `onnxplain.audit.record.read_record`.
    model : Model
        See `open_again`.
    samples : sequence of Sample
        The data set.
    count : int
        How many pictures are examined again, evenly spread over the record's.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    list of Check
        Digests, then figures of the pictures, then of the methods' sanity, then summaries.

    Raises
    ------
    UsageError
        If the data set has none of the record's pictures.
    """
    config = AuditConfig.from_dict(record["questions"], "the record's questions")
    methods, _ = methods_for(model, config)
    same_model, same_recipe = Check("model file"), Check("preprocessing")
    same_model.equal(record["model"]["sha256"], model.sha256, "its SHA-256")
    same_recipe.equal(record["preprocess"]["sha256"], model.preprocess.sha256, "its SHA-256")
    pictures = _Pictures()
    by_name = {s.name: s for s in samples}
    entries = spread(record["pictures"], count)
    if entries and not any(e["name"] in by_name for e in entries):
        raise UsageError(
            f"the data set has none of the record's pictures, such as {entries[0]['name']!r}; "
            "give the data as it was given to the audit, with --data"
        )
    for number, entry in enumerate(entries, 1):
        sample = by_name.get(entry["name"])
        pictures.present.equal(True, sample is not None, f"{entry['name']}, which is missing")
        if sample is not None:
            found, _ = examine(model, sample, methods, config)
            pictures.compare(entry, found)
        if progress is not None:
            progress(number, len(entries))
    sanity = _sanity(record, model, by_name, methods, config)
    return [same_model, same_recipe, *pictures.checks(), *sanity, *_summaries(record)]


def other_versions(record: Mapping[str, Any]) -> list[str]:
    """Say which versions differ from those of a record."""
    here = versions()
    return [
        f"{name} was {then}, is {here.get(name, 'not installed')}"
        for name, then in record["versions"].items()
        if here.get(name) != then
    ]


class _Pictures:
    """Figures of the pictures that are examined again."""

    def __init__(self) -> None:
        self.present = Check("pictures are there")
        self.content = Check("picture files")
        self.status = Check("readable or not")
        self.predicted = Check("predicted class")
        self.probability = Check("probability", _TOLERANCE["probability"])
        self.figures: dict[str, Check] = {}

    def checks(self) -> list[Check]:
        """All of them, in the order of a report."""
        first = [self.present, self.content, self.status, self.predicted, self.probability]
        return [*first, *(self.figures[k] for k in sorted(self.figures))]

    def compare(self, known: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Compare one picture's entry with what was found again."""
        name = known["name"]
        for key in ("file_sha256", "mask_sha256"):
            self.content.equal(known.get(key), found.get(key), name)
        self.status.equal(known["status"], found["status"], name)
        if not known["status"] == found["status"] == "done":
            return
        for key in ("predicted", "explained", "label"):
            self.predicted.equal(known[key], found[key], f"{key} of {name}")
        self.probability.near(known["probability"], found["probability"], name)
        for method in sorted({*known["methods"], *found["methods"]}):
            self._method(name, method, known["methods"].get(method), found["methods"].get(method))

    def _method(
        self,
        name: str,
        method: str,
        known: Mapping[str, Any] | None,
        found: Mapping[str, Any] | None,
    ) -> None:
        if known is None or found is None:
            self._figure(f"{method}: works", None).equal(known is None, found is None, name)
            return
        for part in ("measures", "record", "evidence"):
            tolerance = _TOLERANCE["evidence" if part == "evidence" else "measure"]
            for key in sorted({*known[part], *found[part]} - _NOISE):
                figure = f"{method}: {'evidence' if part == 'evidence' else key}"
                check = self._figure(figure, tolerance)
                check.near(known[part].get(key), found[part].get(key), f"{key} of {name}")

    def _figure(self, name: str, tolerance: float | None) -> Check:
        return self.figures.setdefault(name, Check(name, tolerance))


def _sanity(
    record: Mapping[str, Any],
    model: Model,
    by_name: Mapping[str, Sample],
    methods: Sequence[str],
    config: AuditConfig,
) -> list[Check]:
    """Sanity of the first checked picture again, if the record tells of single pictures."""
    check = Check("sanity", _TOLERANCE["sanity"])
    for known in record["sanity_pictures"][:_SANITY_AGAIN]:
        if known["name"] in by_name:
            found = examine_sanity(model, by_name[known["name"]], methods, config)
            for method, result in known["methods"].items():
                again = found["methods"][method]
                for key in ("left", "other_class"):
                    where = f"{key} of {method} on {known['name']}"
                    check.near(result.get(key), again.get(key), where)
    return [check] if check.compared else []


def _summaries(record: Mapping[str, Any]) -> list[Check]:
    """Compare the record's summaries with those of its own pictures."""
    checks: dict[str, Check] = defaultdict(lambda: Check("", _SUMMED))
    for figure, known, found in resummed(record):
        check = checks[figure]
        check.figure = f"{figure} (summed again)"
        check.near(known, found, figure)
    return list(checks.values())
