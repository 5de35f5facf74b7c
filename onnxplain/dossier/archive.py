"""A dossier as one file: a zip archive whose bytes depend on its content alone."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from onnxplain.dossier.tree import listed
from onnxplain.files import whole_file

# The earliest time that the format can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write_archive(folder: str | Path, path: str | Path) -> None:
    """Write a folder as a zip archive, stored without compression, whole or not at all.

    Parameters
    ----------
    folder : path
        The dossier; its name is the archive's only top folder.
    path : path
        The archive.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    top = Path(folder).resolve().name
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in listed(folder):
            about = zipfile.ZipInfo(f"{top}/{name}", _TIME)
            about.create_system, about.external_attr = 3, _MODE
            with open(Path(folder, name), "rb") as source:
                about.file_size = Path(folder, name).stat().st_size
                with archive.open(about, "w") as target:
                    shutil.copyfileobj(source, target)
