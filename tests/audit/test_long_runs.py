"""Killed, starved of disk, stopped: an audit loses nothing and ends as if undisturbed."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from audit.long_runs import (
    QUICK,
    ROOT,
    SEVERAL,
    command,
    finish,
    results,
    start,
    wait_for_results,
    without_times,
    write_digits,
)

from onnxplain.audit.record import read_record

resource = pytest.importorskip("resource", reason="limits and signals of a Unix")

PICTURES = 80


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("digits"), PICTURES)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    return without_times(finish(data, tmp_path_factory.mktemp("undisturbed")))


def kill_again_and_again(data, out, config, moments, rng):
    """Kill an audit when it has so many results, and a moment later; start it again."""
    for least in moments:
        before = results(out)
        with start(data, out, config) as process:
            wait_for_results(out, max(least, before + 1))
            time.sleep(rng.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert results(out) > before
        assert not (out / "record.json").exists()


def test_killed_at_random_moments_the_record_is_the_same(data, undisturbed, tmp_path):
    rng = np.random.default_rng(0)
    # Not among the last ones: a killed run must not have been about to end anyway.
    moments = np.sort(rng.integers(1, PICTURES // 4, 2))
    kill_again_and_again(data, tmp_path, QUICK, moments, rng)
    killed = finish(data, tmp_path)
    assert without_times(killed) == undisturbed
    record = read_record(killed).to_dict()
    assert record["complete"] is True
    assert len(record["pictures"]) == PICTURES


@pytest.mark.slow
def test_ten_kills_in_five_hundred_pictures(tmp_path):
    data = write_digits(tmp_path / "data", 500)
    rng = np.random.default_rng(1)
    moments = np.sort(rng.integers(1, 450, 10))
    kill_again_and_again(data, tmp_path / "killed", SEVERAL, moments, rng)
    killed, whole = (finish(data, tmp_path / name, SEVERAL) for name in ("killed", "whole"))
    assert without_times(killed) == without_times(whole)
    assert len(read_record(killed).to_dict()["pictures"]) == 500


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_leaves_a_valid_record(tmp_path, number, code):
    data = write_digits(tmp_path / "data", 300)
    with start(data, tmp_path / "out") as process:
        wait_for_results(tmp_path / "out", 3)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert "the same command resumes" in said
    record = read_record(tmp_path / "out" / "record.json").to_dict()
    assert record["complete"] is False
    assert 0 < record["data"]["examined"] < 300
    assert len(record["pictures"]) == record["data"]["examined"] == results(tmp_path / "out")


def test_a_full_disk_is_one_error_and_what_was_written_is_kept(data, undisturbed, tmp_path):
    out = tmp_path / "out"

    def starve():
        # No file may grow beyond this: writing on fails as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    found = subprocess.run(
        command(data, out), cwd=ROOT, capture_output=True, text=True, preexec_fn=starve, check=False
    )
    assert found.returncode == 7
    (said,) = found.stderr.splitlines()
    assert said.startswith("onnxplain: error: cannot write results to")
    assert "free some space and run the same command again" in said
    kept = results(out)
    assert 0 < kept < PICTURES
    assert not (out / "record.json").exists()
    assert without_times(finish(data, out)) == undisturbed


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path):
    peaks = []
    for count in (500, 5000, 10_000):
        data = write_digits(tmp_path / f"data{count}", count)
        process = start(data, tmp_path / f"out{count}")
        _, _, usage = os.wait4(process.pid, 0)
        process.stderr.close()
        assert (tmp_path / f"out{count}" / "record.json").exists()
        peaks.append(usage.ru_maxrss)
        print(f"{count} pictures: {usage.ru_maxrss >> 10} MB at the peak")
    assert max(peaks) < 1.1 * peaks[0], peaks
