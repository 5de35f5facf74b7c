"""What a record says of the model, the data, the questions and the methods of an audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.records.plain import plain, said
from onnxplain.identity import digests
from onnxplain.inputs.preprocess import Preprocess

# Pictures may have been given one by one; the record names all of them.
_DESCRIBED = 5


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a model, see `onnxplain.identity.ModelFile`."""

    location: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class BoundEntry:
    """Value of a further input; ``value`` if it is the same number everywhere."""

    dtype: str
    shape: Sequence[int]
    sha256: str
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """The model of an audit.

    Attributes
    ----------
    name, source : str
        Its name, and where the file was, as given.
    sha256 : str
        Of all of its files; in records without ``files`` of the .onnx file alone.
    files : sequence of FileEntry, optional
        The .onnx file, then those with weights. Since format 3.
    input, layout, output : str
        Names of the picture's input and of the output, and the order of the axes.
    device : str
        Where predictions were made.
    task : str, optional
        What it answers; records without it took every output for classes.
    scores : str, optional
        What its numbers were declared to be.
    classes : int
        How many classes, values or dimensions.
    labels : sequence of str
        Their names; empty if not known.
    sources : mapping of str to str
        Where the meaning of input, preprocessing and labels came from.
    engine : str, optional
        What gradients were asked of: ``onnxruntime`` or ``pytorch``; not there if it was chosen.
    said_bound : mapping of str to BoundEntry, optional
        Values of further inputs.
    warnings : sequence of str
        What was to be said of the file.
    independence : mapping, optional
        Whether the scores of one input depend on that input alone.
    """

    name: str
    source: str
    sha256: str
    files: Sequence[FileEntry] | None = None
    input: str
    layout: str
    output: str
    device: str
    task: str | None = None
    scores: str | None = None
    classes: int
    labels: Sequence[str]
    sources: Mapping[str, str]
    engine: str | None = None
    said_bound: Mapping[str, BoundEntry] | None = said("bound")
    warnings: Sequence[str]
    independence: Mapping[str, Any] | None = None

    @property
    def bound(self) -> Mapping[str, BoundEntry]:
        """Values of further inputs."""
        return self.said_bound or {}

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each part, see `onnxplain.identity.digests`."""
        return digests(self.sha256, plain(self.files or ()))


@dataclass(frozen=True, kw_only=True)
class DataEntry:
    """The data set of an audit.

    Attributes
    ----------
    source : str or sequence of str
        Where it was, as given; several since format 4.
    pictures, examined, with_mask : int
        How many pictures there are, were examined, and have a mask.
    sha256 : str
        See the schema.
    boxes : str, optional
        Where annotated boxes were, as given.
    groups : str, optional
        The column of the data's tables that names groups. Since format 5.
    """

    source: str | Sequence[str]
    pictures: int
    examined: int
    with_mask: int
    sha256: str
    boxes: str | None = None
    groups: str | None = None

    @property
    def sources(self) -> list[str]:
        """Where each part of it was, as given."""
        return [self.source] if isinstance(self.source, str) else list(self.source)

    @property
    def described(self) -> str:
        """The sources in words: the first ones, and how many more there are."""
        first, more = self.sources[:_DESCRIBED], len(self.sources) - _DESCRIBED
        return ", ".join(first) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class RecipeEntry:
    """How pictures became inputs.

    Attributes
    ----------
    sha256 : str
        Of the recipe.
    given : mapping
        The recipe as it was written down.
    """

    sha256: str
    given: Mapping[str, Any]

    @property
    def recipe(self) -> Preprocess:
        """The recipe; a `UsageError` if it says what none can."""
        return Preprocess.from_dict(dict(self.given), "the record's preprocess")

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> RecipeEntry:
        """Take the digest off."""
        return cls(data["sha256"], {k: v for k, v in data.items() if k != "sha256"})

    def to_plain(self) -> dict[str, Any]:
        """Put the digest to the rest again."""
        return {"sha256": self.sha256, **self.given}


@dataclass(frozen=True)
class QuestionsEntry:
    """What was asked; of old records without what was no question then.

    Attributes
    ----------
    given : mapping
        The configuration as it was written down.
    """

    given: Mapping[str, Any]

    @property
    def config(self) -> AuditConfig:
        """The configuration; a `UsageError` if this version cannot ask that."""
        # What audits did before they knew of another way: logits alone, and all points of curves.
        given = {"against_others": False, "curves": "full", **self.given}
        return AuditConfig.from_dict(given, "the record's questions")

    @property
    def methods(self) -> Sequence[str]:
        """Names of the methods, the main one first."""
        return tuple(self.given["methods"])

    @property
    def explained(self) -> str:
        """Which class was explained."""
        return str(self.given["explained"])

    @property
    def seed(self) -> int:
        """Seed of every random draw."""
        return int(self.given["seed"])

    @property
    def target(self) -> str | None:
        """What was explained in every picture."""
        return self.given.get("target")

    @property
    def examples(self) -> int:
        """At most so many pictures of each kind are shown."""
        return int(self.given.get("examples", AuditConfig.examples))

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> QuestionsEntry:
        """Keep all of it."""
        return cls(data)

    def to_plain(self) -> dict[str, Any]:
        """All of it."""
        return dict(self.given)


@dataclass(frozen=True, kw_only=True)
class MethodEntry:
    """A method that ran: all parameters, and what it ran on."""

    parameters: Mapping[str, Any]
    engine: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Times:
    """When the record was written, and the seconds each method took."""

    written: str
    explaining_seconds: Mapping[str, float]
