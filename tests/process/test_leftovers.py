"""Leftovers of killed runs go; what is in use, and what is not ours, stays."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from onnxplain.files import whole_file
from onnxplain.process import leftovers

pytest.importorskip("fcntl", reason="locks of a Unix")
HOLD = """
import sys, time
from pathlib import Path
from onnxplain.files import whole_file
from onnxplain.process.leftovers import temporary_folder
with temporary_folder("held") as folder, whole_file(Path(sys.argv[1]) / "a.png") as file:
    file.write(b"half")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def forgetful(tmp_path, monkeypatch):
    """Places are cleared once in a process; here as if this were the next run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(leftovers, "_CLEARED", set())


def held(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    words = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    folder = process.stdout.readline().strip()
    assert os.path.isdir(folder)
    return process, folder


def write(folder):
    with whole_file(folder / "b.png") as file:
        file.write(b"whole")


def test_what_a_killed_run_left_goes_with_the_next_run(tmp_path, forgetful):
    process, folder = held(tmp_path)
    with process:
        write(tmp_path / "out")
        # The other run is still there: its file is not for us to take.
        assert len(os.listdir(tmp_path / "out")) == 2
        process.send_signal(signal.SIGKILL)
    leftovers._CLEARED.clear()
    write(tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["b.png"]
    with leftovers.temporary_folder("other"):
        assert os.path.isdir(folder)  # too young: its lock might not be there yet
    leftovers._CLEARED.clear()
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))
    with leftovers.temporary_folder("other") as other:
        assert os.listdir(tmp_path / "tmp") == [other.name]
    assert os.listdir(tmp_path / "tmp") == []


def test_a_folder_in_use_stays_however_old(tmp_path, forgetful):
    process, folder = held(tmp_path)
    with process:
        os.utime(folder, (0, 0))
        with leftovers.temporary_folder("other"):
            assert os.path.isdir(folder)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    "name",
    [".a.png.onnxplain-1234567", ".a.png.onnxplain-12345678.png", "a.onnxplain-12345678", ".a.tmp"],
)
def test_what_has_another_name_stays(tmp_path, forgetful, name):
    (tmp_path / name).write_bytes(b"")
    write(tmp_path)
    assert (tmp_path / name).exists()


def test_pipes_links_and_folders_of_that_name_stay_and_nobody_waits(tmp_path, forgetful):
    (tmp_path / "target").write_bytes(b"kept")
    os.mkfifo(tmp_path / ".a.onnxplain-00000000")
    (tmp_path / ".a.onnxplain-11111111").symlink_to(tmp_path / "target")
    (tmp_path / ".a.onnxplain-22222222").mkdir()
    write(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        ".a.onnxplain-00000000", ".a.onnxplain-11111111", ".a.onnxplain-22222222",
        "b.png", "target", "tmp",
    ]  # fmt: skip


def test_it_is_locked_until_it_has_its_name(tmp_path, forgetful):
    """Between the last byte and the name another run must not take it for a leftover."""
    with whole_file(tmp_path / "b.png") as file:
        file.write(b"whole")
        leftovers._CLEARED.clear()
        write(tmp_path / "other" / "..")
    assert (tmp_path / "b.png").read_bytes() == b"whole"


def test_a_folder_of_somebody_else_stays_whatever_its_name(tmp_path, forgetful):
    results = tmp_path / "tmp" / "onnxplain-results-20260101"
    results.mkdir()
    (results / "map.npz").write_bytes(b"kept")
    unborn = tmp_path / "tmp" / "onnxplain-other-abcdefgh"
    unborn.mkdir()
    for folder in (results, unborn):
        os.utime(folder, (0, 0))
    with leftovers.temporary_folder("other"):
        assert (results / "map.npz").read_bytes() == b"kept"
        assert not unborn.exists()  # killed before its lock was there
