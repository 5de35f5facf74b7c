"""Several data sets as one: folders, patterns, tables and pictures, in any mixture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TypeVar

from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.inputs.table_names import is_table

Known = TypeVar("Known")


def read_datasets(
    sources: str | Path | Sequence[str | Path],
    *,
    masks: str | Path | None = None,
    groups: str | None = None,
    names: Sequence[str] | None = None,
) -> list[Sample]:
    """List the pictures of one or several data sets, each picture once.

    Parameters
    ----------
    sources : path or pattern, or sequence of them
        Each as `read_dataset` takes it. Of several, the names of a folder's or a table's
        pictures begin with the folder as it was given, so that they stay apart.
    masks : path, optional
        Folder of masks for all of them.
    groups : str, optional
        The column of their tables that names groups, see `read_dataset`.
    names : sequence of str, optional
        What each source was called when it was read before, if its place is another one now:
        pictures then keep the names of that time.

    Returns
    -------
    list of Sample
        In the order of the sources; a picture of two of them where it comes first.

    Raises
    ------
    UsageError
        If there is no source, one cannot be understood, two say different things of one
        picture, pictures of two would share a mask of `masks`, or no picture is in a group.
    ImageError
        If there is no picture in one of them.
    """
    places = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if not places:
        raise UsageError("no data given; give a folder, a pattern, a table or pictures")
    called = list(map(str, places if names is None else names))
    if len(places) == 1:
        found = _named(read_dataset(places[0], masks=masks, groups=groups), places[0], called[0])
    else:
        found = _several(places, called, masks, groups)
    if groups is not None and all(s.group is None for s in found):
        raise UsageError(
            f"no table of the data names a group in a column {groups!r}; add the column to "
            "labels.csv or labels.json, or name another one with --groups"
        )
    return found


def _several(
    places: Sequence[str | Path],
    called: Sequence[str],
    masks: str | Path | None,
    groups: str | None,
) -> list[Sample]:
    found: dict[str, Sample] = {}
    read: set[str] = set()
    owners: dict[Path, tuple[int, str]] = {}
    for number, (place, name) in enumerate(zip(places, called, strict=True)):
        if os.path.realpath(place) in read:
            continue
        read.add(os.path.realpath(place))
        samples = read_dataset(place, masks=masks, groups=groups)
        folder = _folder(place, name)
        if folder is None:
            samples = _named(samples, place, name)
        else:
            samples = [replace(s, name=PurePath(folder, s.name).as_posix()) for s in samples]
        for sample in samples:
            # A name may lead elsewhere by a link; the same path is the same picture.
            key = os.path.abspath(sample.path)
            found[key] = _joined(found[key], sample) if key in found else sample
            if masks is not None and sample.mask is not None:
                _require_own_mask(owners, number, found[key])
    return list(found.values())


def standing_for(told: Sequence[str], recorded: Sequence[str]) -> list[str] | None:
    """Which of the recorded sources each of those stands for that a person tells.

    Parameters
    ----------
    told : sequence of str
        Where data are now.
    recorded : sequence of str
        Where they were, as they were given then.

    Returns
    -------
    list of str or None
        For each that is told the recorded one: the same text, else one that ends in the same
        name, else what is left in its order. ``None`` if they are not equally many.
    """
    if len(told) != len(recorded):
        return None
    left, found = list(recorded), dict[int, str]()
    for alike in (lambda a, b: a == b, lambda a, b: _last(a) == _last(b), lambda a, b: True):
        for number, text in enumerate(told):
            match = next((r for r in left if alike(text, r)), None)
            if number not in found and match is not None:
                found[number] = match
                left.remove(match)
    return [found[k] for k in range(len(told))]


def _last(path: str) -> str:
    return PurePath(path).name


def _folder(place: str | Path, name: str) -> PurePath | None:
    """Folder that a source's names are relative to, as it is called; of files none."""
    if is_table(place):
        return PurePath(name).parent
    return PurePath(name) if os.path.isdir(place) else None


def _named(samples: list[Sample], place: str | Path, name: str) -> list[Sample]:
    """Call the one picture that was named by its own path as it was called before."""
    if len(samples) == 1 and samples[0].name == str(Path(place)):
        return [replace(samples[0], name=str(Path(name)))]
    return samples


def _joined(known: Sample, again: Sample) -> Sample:
    """One picture with what two sources say of it."""

    def either(one: Known, other: Known, what: str) -> Known:
        if one and other and one != other:
            raise UsageError(
                f"{known.name!r} is in two of the data sets, with {what} {str(one)!r} and "
                f"{str(other)!r}; leave one of them out"
            )
        return one or other

    return replace(
        known,
        label=either(known.label, again.label, "label"),
        mask=either(known.mask, again.mask, "mask"),
        boxes=either(known.boxes, again.boxes, "boxes"),
        group=either(known.group, again.group, "group"),
    )


def _require_own_mask(owners: dict[Path, tuple[int, str]], number: int, sample: Sample) -> None:
    assert sample.mask is not None
    before, name = owners.setdefault(sample.mask, (number, sample.name))
    if before != number and name != sample.name:
        raise UsageError(
            f"--masks: {str(sample.mask)!r} fits {name!r} and {sample.name!r} of different data "
            "sets; put masks into a folder 'masks' in each of them, or name them in a table"
        )
