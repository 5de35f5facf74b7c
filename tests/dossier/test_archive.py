"""The archive of a dossier."""

import os
import zipfile

from onnxplain.dossier.archive import write_archive


def test_it_holds_every_byte_and_depends_on_nothing_else(signed, verifier, tmp_path):
    write_archive(signed, tmp_path / "one.zip")
    for path in signed.rglob("*"):
        os.utime(path, (1e9, 1e9))
        if path.is_file():
            path.chmod(0o600)
    write_archive(signed, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [signed.name]
    verifier.check_tree(str(tmp_path / "out" / signed.name))
