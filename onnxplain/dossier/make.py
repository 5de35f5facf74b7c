"""Put a dossier together, and seal it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any

from onnxplain.audit.record import RECORD
from onnxplain.audit.records.plain import plain
from onnxplain.audit.records.record import Record
from onnxplain.dossier.check import ABOUT, SIGNER
from onnxplain.dossier.copies import copy_model
from onnxplain.dossier.mapping import as_markdown, mapping
from onnxplain.dossier.maps import Stored, write_maps
from onnxplain.dossier.pictures import copy_pictures
from onnxplain.dossier.signature import public_pem, read_private, sign
from onnxplain.dossier.tree import FORMAT, SIGNATURE, TREE, measured, tree_bytes
from onnxplain.errors import OutputError, UsageError
from onnxplain.files import read_bytes, whole_file, write_json, write_text
from onnxplain.inputs.dataset import Sample
from onnxplain.machine import versions

VERIFIER = ("verify_dossier.py", "repeat_figures.py")
_MOST_RECORD = 500_000_000
# To be filled in by who reviews; empty when a dossier is made.
_SIGN_OFF = ("name", "organisation", "role", "date", "decision", "remarks", "signature")


@dataclass(frozen=True)
class Said:
    """What people say of a dossier; nothing of it is checked.

    Attributes
    ----------
    prepared_by, use, data_note : str
        Who made it, for which use of the model, and what the data are.
    """

    prepared_by: str = ""
    use: str = ""
    data_note: str = ""


def require_new(folder: str | Path) -> Path:
    """Return an output folder that is empty, or not there yet.

    Raises
    ------
    OutputError
        If there is something in it, which would become part of the dossier.
    """
    try:
        full = os.path.lexists(folder) and any(os.scandir(folder))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"cannot write a dossier to {str(folder)!r}: {error}; choose another folder with -o"
        ) from error
    if full:
        raise OutputError(
            f"the folder {str(folder)!r} is not empty, and its files would become part of the "
            "dossier; choose another folder with -o"
        )
    return Path(folder)


def fill(
    folder: Path,
    audit: str | Path,
    record: Record,
    samples: Sequence[Sample],
    stored: Stored | None,
    model: str | None,
) -> list[str]:
    """Copy the parts of a dossier: record, model, pictures, maps, verifier.

    Parameters
    ----------
    folder : path
        The dossier.
    audit : path
        Folder of the audit.
    record : Record
        Its record.
    samples : sequence of Sample
        Its pictures.
    stored : callable, optional
        See `onnxplain.dossier.maps.write_maps`; ``None`` if the audit's store is gone.
    model : str, optional
        The model file; digests alone are kept if it is not given.

    Returns
    -------
    list of str
        What the dossier does not hold.

    Raises
    ------
    UsageError
        If a file is missing, or is not the one that was audited.
    OutputError
        If a file cannot be written.
    """
    lacking = []
    with whole_file(folder / RECORD) as file:
        file.write(read_bytes(Path(audit, RECORD), "the record", _MOST_RECORD))
    if model is None:
        lacking.append("the model file: its digests are in record.json")
    else:
        copy_model(record.model, model, folder)
    lacking += copy_pictures(record, samples, folder)
    if stored is None:
        lacking.append("the maps: the audit's folder has no results.sqlite")
    else:
        lacking += [
            f"maps of {name}: there are none" for name in write_maps(record, stored, folder)
        ]
    if record.data.boxes is not None:
        lacking.append("the annotated boxes; give them to verify with --boxes")
    if record.target_files:
        lacking.append("files that the target names; give them to verify with --file")
    for name in VERIFIER:
        text = resources.files("onnxplain").joinpath(f"data/{name}").read_text("utf-8")
        write_text(folder / name, text)
    return lacking


def seal(
    folder: Path, record: Record, said: Said, lacking: Sequence[str], key: str | None
) -> dict[str, Any]:
    """Write what is said of a dossier, then its tree, then its signature.

    Parameters
    ----------
    folder : path
        The dossier with all other files.
    record : Record
        The audit's.
    said : Said
        What people say.
    lacking : sequence of str
        What it does not hold.
    key : str, optional
        File of the private key that signs.

    Returns
    -------
    dict
        What was written to `ABOUT`.

    Raises
    ------
    UsageError
        If the key cannot be read.
    """
    private = None if key is None else read_private(key)
    about = {
        "format": FORMAT,
        "made": _now(),
        "prepared_by": said.prepared_by,
        "use": said.use,
        "data_note": said.data_note,
        "model": {
            "name": record.model.name,
            "sha256": record.model.sha256,
            "files": plain(record.model.files or ()),
        },
        "data": {"pictures": record.data.pictures, "sha256": record.data.sha256},
        "complete": record.complete,
        "not_included": list(lacking),
        "signed": private is not None,
        "versions": versions(),
        "sign_off": [dict.fromkeys(_SIGN_OFF, "")],
    }
    write_json(folder / ABOUT, about)
    table = mapping(_there(record, said))
    write_json(folder / "mapping.json", table)
    write_text(folder / "mapping.md", as_markdown(table))
    if private is not None:
        with whole_file(folder / SIGNER) as file:
            file.write(public_pem(private))
    tree = tree_bytes(measured(folder))
    with whole_file(folder / TREE) as file:
        file.write(tree)
    if private is not None:
        with whole_file(folder / SIGNATURE) as file:
            file.write(sign(tree, private))
    return about


def _there(record: Record, said: Said) -> set[str]:
    found = set()
    if record.predictions.accuracy is not None:
        found.add("labels")
    if said.prepared_by and said.use:
        found.add("use")
    if said.data_note:
        found.add("data_note")
    if record.answers is not None and record.answers.groups:
        found.add("groups")
    return found


def _now() -> str:
    """Time of writing; that of SOURCE_DATE_EPOCH where bytes have to be the same again."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = float(epoch) if epoch.isdigit() else time.time()
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError) as error:
        raise UsageError(
            f"SOURCE_DATE_EPOCH must be seconds since 1970, not {epoch}: {error}"
        ) from error
