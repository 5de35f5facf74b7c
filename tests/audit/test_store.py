"""The store of a long run: whole results, whatever happens."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from onnxplain.audit.store import Store
from onnxplain.errors import OutputError, UsageError

ABOUT = {"model": "abc", "data": "def"}


def test_results_come_back_in_order_with_their_maps(tmp_path):
    values = np.arange(6, dtype=np.float32)
    with Store(tmp_path / "new" / "s.sqlite", ABOUT) as store:
        store.add("picture", 3, {"a": 1.5, "b": None})
        store.add("picture", 1, {"a": 2}, {"lrp": values})
        store.add("sanity", 0, {"c": "x"})
    with Store(tmp_path / "new" / "s.sqlite", ABOUT) as store:
        assert list(store.results("picture")) == [(1, {"a": 2}), (3, {"a": 1.5, "b": None})]
        assert store.done("picture") == {1, 3}
        assert store.done("sanity") == {0}
        np.testing.assert_array_equal(store.map(1, "lrp"), values)
        assert store.map(3, "lrp") is None


def test_another_audits_results_are_not_mixed_in(tmp_path):
    Store(tmp_path / "s.sqlite", ABOUT).__exit__(None, None, None)
    with pytest.raises(UsageError, match="not the same data"):
        Store(tmp_path / "s.sqlite", {**ABOUT, "data": "other"})


def test_a_store_that_knows_less_is_of_an_earlier_version(tmp_path):
    Store(tmp_path / "s.sqlite", ABOUT).__exit__(None, None, None)
    with pytest.raises(UsageError, match=r"earlier version of onnxplain.*'entries'"):
        Store(tmp_path / "s.sqlite", {**ABOUT, "entries": "2"})
    Store(tmp_path / "s.sqlite", {"model": "abc"}).__exit__(None, None, None)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_another_file_is_refused_and_an_empty_one_is_new(tmp_path, content):
    path = tmp_path / "s.sqlite"
    path.write_bytes(content)
    if content:
        with pytest.raises(UsageError, match="not a store of results"):
            Store(path, ABOUT)
        assert path.read_bytes() == content
    else:
        with Store(path, ABOUT) as store:
            assert store.done("picture") == set()


def test_a_result_that_is_no_json_leaves_nothing_behind(tmp_path):
    with Store(tmp_path / "s.sqlite", ABOUT) as store:
        with pytest.raises(ValueError, match="JSON"):
            store.add("picture", 0, {"a": float("nan")}, {"lrp": np.zeros(2)})
        store.add("picture", 1, {"a": 1.0})
        assert store.done("picture") == {1}
        assert store.map(0, "lrp") is None


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Store(tmp_path / "file" / "s.sqlite", ABOUT)


def fill(store, size):
    for number in range(1, 100):
        store.add("picture", number, {"a": number}, {"lrp": np.zeros(size, np.float32)})


# A map that does not fit at all ends the transaction, a small one leaves it open.
@pytest.mark.parametrize("size", [500, 100_000])
def test_a_full_disk_is_one_error_and_loses_nothing(tmp_path, size):
    with Store(tmp_path / "s.sqlite", ABOUT) as store:
        store.add("picture", 0, {"a": 0})
        # SQLite's own limit of pages stands for the end of the disk: the same error arises.
        store._connection.execute("PRAGMA max_page_count=12")
        with pytest.raises(OutputError, match=r"full.*free some space and run the same command"):
            fill(store, size)
        kept = store.done("picture")
    with Store(tmp_path / "s.sqlite", ABOUT) as store:
        assert store.done("picture") == kept
        assert 0 in kept
        for number in kept - {0}:
            assert len(store.map(number, "lrp")) == size


WRITER = """
import sys, numpy as np
from onnxplain.audit.store import Store
with Store(sys.argv[1], {"model": "m"}) as store:
    for number in range(100000):
        store.add("picture", number, {"n": number}, {"lrp": np.full(300, number, np.float32)})
        print(number, flush=True)
"""


@pytest.mark.parametrize("wait", [0.05, 0.2])
def test_killed_while_writing_everything_reported_is_there(tmp_path, wait):
    path = tmp_path / "s.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        reported = [int(line) for line in [first, *process.stdout] if line.endswith("\n")]
    with Store(path, {"model": "m"}) as store:
        kept = store.done("picture")
        assert set(reported) <= kept
        assert kept == set(range(len(kept)))
        for number, value in store.results("picture"):
            assert value == {"n": number}
            np.testing.assert_array_equal(store.map(number, "lrp"), np.full(300, number))


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("again", [False, True])
def test_a_store_that_is_removed_meanwhile_is_an_error(tmp_path, again):
    """What SQLite writes to it from then on is gone with it, without a word."""
    path = tmp_path / "s.sqlite"
    with Store(path, ABOUT) as store:
        store.add("picture", 1, {"a": 2})
        path.unlink()
        if again:
            path.write_bytes(b"another file")
        with pytest.raises(OutputError, match="was removed or replaced while the audit ran"):
            store.add("picture", 2, {"a": 3})
