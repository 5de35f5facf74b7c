"""Which picture does an annotation belong to?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.annotation import Annotation, Read
from onnxplain.inputs.annotations.find import read_annotations
from onnxplain.inputs.dataset import Sample

# Folders in which pictures and annotations of one data set lie side by side.
_BESIDE = frozenset({"images", "labels", "annotations", "jpegimages", "img", "imgs"})


@dataclass(frozen=True)
class Annotated:
    """Pictures with their annotations.

    Attributes
    ----------
    form : str
        Format of the annotations.
    names : tuple of str
        Classes that are annotated; empty if they are numbers of the model.
    samples : list of Sample
        All pictures; those without an annotation among them.
    problems, notes : list of str
        What was left out, and what was taken for granted.
    """

    form: str
    names: tuple[str, ...]
    samples: list[Sample]
    problems: list[str]
    notes: list[str]


def annotate(samples: Sequence[Sample], boxes: str | Path) -> Annotated:
    """Give each picture its annotation.

    An entry belongs to the picture of its name; of several of one name, to that whose folders
    agree with it furthest. Without an entry a picture has no objects in YOLO's format, and is
    not annotated in the others.

    Parameters
    ----------
    samples : sequence of Sample
        The pictures.
    boxes : path
        See `onnxplain.inputs.annotations.find.read_annotations`.

    Raises
    ------
    UsageError
        If the annotations cannot be read, or are of none of the pictures.
    """
    read = read_annotations(boxes, frozenset(s.path.stem for s in samples))
    problems = list(read.problems)
    given = _given(samples, read, problems)
    if not given:
        about = f" (such as {read.entries[0][0]!r})" if read.entries else ""
        raise UsageError(
            f"{read.form} annotations {str(boxes)!r}: none of {len(read.entries)} entries{about}"
            f" belongs to one of the {len(samples)} pictures (such as {samples[0].name!r})"
        )
    notes, lacking = list(read.notes), len(samples) - len(given)
    if lacking and read.form == "YOLO":
        notes.append(
            f"{lacking} of {len(samples)} pictures have no label file; they count as empty pictures"
        )
    elif lacking:
        notes.append(f"{lacking} of {len(samples)} pictures are not annotated and are not counted")
    default = Annotation() if read.form == "YOLO" else None
    completed = [replace(s, annotation=given.get(k, default)) for k, s in enumerate(samples)]
    return Annotated(read.form, tuple(read.names), completed, problems, notes)


def _given(
    samples: Sequence[Sample], read: Read, problems: list[str]
) -> dict[int, Annotation | None]:
    """Annotations by the number of their picture; ``None`` if it has none that is readable."""
    known: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for number, sample in enumerate(samples):
        parts = _parts(str(sample.path.absolute()), read.by_stem)
        known[parts[0]].append((number, parts))
    best: dict[int, tuple[int, list[tuple[str, Annotation | None]]]] = {}
    for name, annotation in read.entries:
        whole = str(Path(name).absolute()) if read.by_stem else name
        parts = _parts(whole, read.by_stem)
        near = [(_common(parts, theirs), number) for number, theirs in known.get(parts[0], ())]
        if not near:
            continue
        furthest = max(near)[0]
        fitting = [number for common, number in near if common == furthest]
        if len(fitting) > 1:
            problems.append(
                f"annotation of {name!r} could belong to {samples[fitting[0]].name!r} or "
                f"{samples[fitting[1]].name!r}; left out"
            )
            continue
        common, rivals = best.get(fitting[0], (-1, []))
        if furthest > common:
            best[fitting[0]] = (furthest, [(name, annotation)])
        elif furthest == common:
            rivals.append((name, annotation))
    given: dict[int, Annotation | None] = {}
    for number, (_, entries) in best.items():
        if len(entries) == 1:
            given[number] = entries[0][1]
        else:
            given[number] = None
            problems.append(
                f"{samples[number].name!r} has {len(entries)} annotations, of {entries[0][0]!r} "
                f"and {entries[1][0]!r}; it is not counted"
            )
    return given


def _parts(path: str, by_stem: bool) -> list[str]:
    """Name, then the folders from the nearest on."""
    pure = PurePosixPath(path.replace("\\", "/"))
    name = pure.stem if by_stem else pure.name
    return [name, *(p for p in reversed(pure.parts[:-1]) if p.lower() not in _BESIDE)]


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
