"""A set of pictures with what is known about them: class, mask, boxes.

Told by a folder (its subfolders name the classes), a pattern, or a table (CSV or JSON)
with one picture, or one box of a picture, in each row.
"""

from __future__ import annotations

import csv
import glob
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from onnxplain.boundary import one_of_many, unnamed
from onnxplain.errors import OF_A_PICTURE, ImageError, OnnxplainError, UsageError
from onnxplain.files import read_json, read_text, require_few_rows
from onnxplain.inputs.annotations.annotation import Annotation
from onnxplain.inputs.image import open_image
from onnxplain.inputs.image_formats import SUFFIXES, image_files
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.inputs.table_names import is_table

Item = TypeVar("Item")
# Left, top, right and bottom edge in pixels of the picture file.
Box = tuple[float, float, float, float]

_TABLES = ("labels.csv", "labels.json")
_MASKS = "masks"
_EDGES = ("x0", "y0", "x1", "y1")
_COLUMNS = ("file", "label", "mask", *_EDGES)


@dataclass(frozen=True)
class Sample:
    """One picture of a data set.

    Attributes
    ----------
    name : str
        Unique in the data set: its path, from the data set's folder.
    path : Path
        The image file.
    label : str, optional
        Name or index of its class.
    mask : Path, optional
        Picture of the same size that is bright where the evidence is.
    boxes : tuple of Box
        Rectangles that hold the evidence; together they are a mask.
    annotation : Annotation, optional
        Objects that a detector should find; ``None`` if nobody has looked for them.
    group : str, optional
        The group that a table puts it in, whatever that stands for: a hospital, a camera.
    """

    name: str
    path: Path
    label: str | None = None
    mask: Path | None = None
    boxes: tuple[Box, ...] = ()
    annotation: Annotation | None = None
    group: str | None = None

    @property
    def has_mask(self) -> bool:
        """Whether it is known where the evidence is."""
        return self.mask is not None or bool(self.boxes)

    def seen_mask(self, preprocess: Preprocess) -> NDArray[np.bool_] | None:
        """Mask in the model's pixels: cut and resized as the picture is.

        Returns
        -------
        (H, W) bool array or None
            ``None`` if nothing is known.

        Raises
        ------
        ImageError
            If the mask cannot be read or has another size than the picture.
        """
        from PIL import Image

        from onnxplain.inputs.source import open_picture, size_of

        if not self.has_mask:
            return None
        size = size_of(open_picture(self.path, preprocess))
        if self.mask is not None:
            drawn = open_image(self.mask).convert("L")
            if drawn.size != size:
                raise ImageError(
                    f"mask {str(self.mask)!r} must have {size[0]} x {size[1]} pixels like its "
                    f"picture, not {drawn.size[0]} x {drawn.size[1]}"
                )
        else:
            rows, columns = np.arange(size[1])[:, None] + 0.5, np.arange(size[0])[None] + 0.5
            inside = np.zeros((size[1], size[0]), bool)
            for x0, y0, x1, y1 in self.boxes:
                inside |= (rows > y0) & (rows < y1) & (columns > x0) & (columns < x1)
            drawn = Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))
        return preprocess.of_masks().seen(drawn)[..., 0] > 127


def read_dataset(
    source: str | Path, *, masks: str | Path | None = None, groups: str | None = None
) -> list[Sample]:
    """List the pictures of a data set.

    Parameters
    ----------
    source : path or pattern
        A folder; a pattern such as ``photos/**/*.png``; or a table. In a folder,
        ``labels.csv`` or ``labels.json`` is the table if it is there; otherwise the
        pictures of subfolders have these for classes, and a subfolder ``masks`` holds a
        mask for each picture, of the same path and stem. A table has the columns file
        (from the table's folder) and, if known, label, mask, x0, y0, x1 and y1; in JSON it
        is a list of objects, with ``boxes`` as lists of four numbers.
    masks : path, optional
        Folder of masks, instead of ``masks``.
    groups : str, optional
        Another column of a table, whose cells name groups; a source that has no table, or
        none with this column, has no groups.

    Returns
    -------
    list of Sample
        In the order of their names, or of the table.

    Raises
    ------
    UsageError
        If there is no such source, or a table cannot be understood.
    ImageError
        If there is no picture in it.
    """
    path = Path(source)
    table = path if is_table(path) else _table_in(path)
    if table is not None:
        samples = _read_table(table, groups)
    elif os.path.isdir(path):
        samples = _in_folder(path)
    else:
        # A file's own name may hold what means something in a pattern: "photo[1].png".
        named = [source] if os.path.lexists(path) else glob.glob(str(source), recursive=True)
        samples = [Sample(str(p), p) for p in image_files(map(Path, named))]
    if not samples:
        there = os.path.exists(path) or glob.has_magic(str(source))
        problem = "no pictures in" if there else "there is no"
        raise ImageError(
            f"{problem} {str(source)!r}; give a folder, a pattern, or a table (CSV or JSON) "
            f"with a column 'file'; image files end in {', '.join(SUFFIXES)}"
        )
    folder = Path(masks) if masks is not None else path / _MASKS
    if masks is not None and not os.path.isdir(folder):
        raise UsageError(f"no folder of masks at {str(folder)!r}")
    return _with_masks(samples, folder) if os.path.isdir(folder) else samples


@contextmanager
def noting(sample: Sample, failures: dict[str, OnnxplainError]) -> Iterator[None]:
    """Do what is asked of one picture; if it fails, note why and let the others be done.

    Together with `onnxplain.process.journal.in_hand`, which has to stand after it.

    Parameters
    ----------
    sample : Sample
        The picture.
    failures : dict of str to OnnxplainError
        What is wrong is kept here, by a line that names the picture.
    """

    def failed(error: OnnxplainError) -> None:
        failures[f"{sample.name}: {unnamed(error, sample.path)}"] = error

    with one_of_many(failed, OF_A_PICTURE):
        yield


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most `limit` of some items, evenly spread over them; all if it is ``None``."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[int(k)] for k in np.linspace(0, len(items) - 1, limit).round()]


def _in_folder(folder: Path) -> list[Sample]:
    samples = []
    for path in image_files(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if parts[0] != _MASKS:
            label = parts[0] if len(parts) > 1 else None
            samples.append(Sample("/".join(parts), path, label))
    return samples


def _with_masks(samples: Sequence[Sample], folder: Path) -> list[Sample]:
    """Give each picture the mask file of its path, or of its stem, in a folder."""
    found = {p.relative_to(folder).with_suffix("").as_posix(): p for p in folder.rglob("*.*")}
    completed = []
    for sample in samples:
        names = (Path(sample.name).with_suffix("").as_posix(), sample.path.stem)
        mask = next((found[n] for n in names if n in found), None)
        completed.append(replace(sample, mask=mask) if mask and not sample.mask else sample)
    return completed


def _table_in(folder: Path) -> Path | None:
    return next((folder / name for name in _TABLES if os.path.isfile(folder / name)), None)


def _read_table(path: Path, groups: str | None) -> list[Sample]:
    rows = _json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path, groups)
    samples: dict[str, Sample] = {}
    for number, row in enumerate(rows, 1):
        where = f"table {str(path)!r}, entry {number}"
        sample = _sample(path.parent, row, where, groups)
        known = samples.setdefault(sample.name, replace(sample, boxes=()))
        if any(getattr(known, k) != getattr(sample, k) for k in ("label", "mask", "group")):
            raise UsageError(
                f"{where}: an earlier entry gives {sample.name!r} another label, mask or group"
            )
        samples[sample.name] = replace(known, boxes=known.boxes + sample.boxes)
    return list(samples.values())


def _csv_rows(path: Path, groups: str | None) -> list[Mapping[str, Any]]:
    try:
        text = read_text(path, "table").removeprefix("\ufeff")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = reader.fieldnames or ()
        unknown = set(columns) - {*_COLUMNS, *_extra(groups)}
        if "file" not in columns or unknown:
            raise UsageError(
                f"table {str(path)!r}: the first line must name the column 'file' and may "
                f"name {', '.join(_COLUMNS[1:])}; it names {', '.join(columns) or 'nothing'}; "
                "an audit takes one more column with --groups NAME"
            )
        return [_with_box(row) for row in require_few_rows(reader, f"table {str(path)!r}")]
    except csv.Error as error:
        raise UsageError(f"table {str(path)!r} is not CSV in UTF-8: {error}") from error


def _with_box(row: Mapping[str, Any]) -> dict[str, Any]:
    edges = [row.get(e) for e in _EDGES]
    rest = {k: v for k, v in row.items() if k not in _EDGES and v}
    return rest | ({"boxes": [edges]} if any(edges) else {})


def _json_rows(path: Path) -> list[Mapping[str, Any]]:
    rows = read_json(path, "table")
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise UsageError(f"table {str(path)!r}: expected a list of objects with a key 'file'")
    return list(require_few_rows(rows, f"table {str(path)!r}"))


def _sample(folder: Path, row: Mapping[str, Any], where: str, groups: str | None) -> Sample:
    unknown = set(row) - {"file", "label", "mask", "boxes", *_extra(groups)}
    file, label, mask = (row.get(k) for k in ("file", "label", "mask"))
    if unknown or not isinstance(file, str) or not file:
        raise UsageError(
            f"{where}: needs 'file' and may have label, mask and a box"
            + (f"; unknown: {', '.join(map(str, sorted(map(str, unknown))))}" if unknown else "")
        )
    boxes = row.get("boxes", ())
    if not isinstance(boxes, (list, tuple)):
        raise UsageError(f"{where}: boxes are a list of four numbers each, got {boxes!r}")
    return Sample(
        file,
        folder / file,
        None if label is None else str(label),
        folder / str(mask) if mask else None,
        tuple(_box(b, where) for b in boxes),
        group=_group(row.get(groups) if groups else None),
    )


def _extra(groups: str | None) -> tuple[str, ...]:
    """The column that names groups, if there is one; it must not mean anything else."""
    if groups is None:
        return ()
    if groups in (*_COLUMNS, "boxes", ""):
        raise UsageError(
            f"--groups {groups!r} is a column with a meaning of its own; name another one"
        )
    return (groups,)


def _group(cell: Any) -> str | None:
    """Name of a group; an empty cell is none."""
    return None if cell is None or not str(cell).strip() else str(cell).strip()


def _box(value: Any, where: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{where}: a box is four numbers x0, y0, x1, y1, got {value}") from None
    if not (x0 < x1 and y0 < y1):
        raise UsageError(f"{where}: box {value} is empty; x0 < x1 and y0 < y1 are needed")
    return (x0, y0, x1, y1)
