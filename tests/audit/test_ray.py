"""The same audit on a local cluster of two workers, undisturbed and with one of them killed."""

import os
import signal
import time
from pathlib import Path
from subprocess import PIPE

import pytest
from audit.long_runs import (
    MODEL,
    QUICK,
    finish,
    results,
    start,
    wait_for_results,
    without_times,
    write_digits,
)

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import methods_for
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.audit.store import PICTURES
from onnxplain.errors import OnnxplainError
from onnxplain.inputs.dataset import read_dataset

ray = pytest.importorskip("ray", reason="needs the extra onnxplain[ray]")
pytestmark = pytest.mark.ray
CONFIG = AuditConfig(methods=("grad-cam", "lrp"), measures=("deletion",), sanity_pictures=1)
OPENING = {"batch_size": CONFIG.batch_size, "device": "cpu"}
ON_RAY = ("--engine", "ray", "--workers", "2")
SOURCES = {"model": MODEL, "data": "digits"}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(MODEL, **OPENING)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    broken = folder / "3" / "broken.png"
    write_digits(folder, 80)
    broken.write_bytes(b"?")
    found = read_dataset(folder)
    assert broken in [s.path for s in found]
    return found


def record(folder, model, samples, examiner=None, progress=None):
    with open_audit(folder, model, samples, CONFIG) as audit:
        run_audit(audit, progress, examiner=examiner)
        assert audit.store.done(PICTURES) == set(range(len(samples)))
        write_record(folder / "record.json", audit, SOURCES)
    return without_times(folder / "record.json")


@pytest.fixture(scope="module")
def local(model, samples, tmp_path_factory):
    return record(tmp_path_factory.mktemp("local"), model, samples)


def on_ray(model, samples):
    from onnxplain.audit.ray_engine import ray_examiner

    methods, _ = methods_for(model, CONFIG)
    return ray_examiner(MODEL, OPENING, samples, methods, CONFIG, workers=2)


def test_the_record_is_that_of_a_local_audit(local, model, samples, tmp_path):
    found = record(tmp_path, model, samples, on_ray(model, samples))
    assert found == local


def test_a_worker_that_is_killed_half_way_changes_nothing(local, model, samples, tmp_path):
    killed = []

    def kill_one(done, total):
        workers = [p for p in descendants(os.getpid()) if "MapWorker" in title(p)]
        if not killed and done >= len(samples) // 4 and workers:
            killed.append((done, workers))
            os.kill(workers[0], signal.SIGKILL)

    found = record(tmp_path, model, samples, on_ray(model, samples), kill_one)
    ((done, workers),) = killed
    assert done < len(samples)
    assert len(workers) == 2
    assert not Path(f"/proc/{workers[0]}").exists()
    assert found == local


@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "kill"])
def test_stopped_by_ctrl_c_it_leaves_a_valid_record_and_goes_on(tmp_path, whole_group):
    """A terminal sends Ctrl-C to every process of its group, ``kill`` to one."""
    data, out = write_digits(tmp_path / "data", 120), tmp_path / "out"
    with start(data, out, QUICK, *ON_RAY, stdout=PIPE, start_new_session=True) as process:
        wait_for_results(out, 5)
        workers = descendants(process.pid)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert printed == ""
    assert "Traceback" not in said
    assert "the same command resumes" in said
    stopped = read_record(out / "record.json").to_dict()
    assert stopped["complete"] is False
    assert 5 <= stopped["data"]["examined"] == len(stopped["pictures"]) == results(out) < 120
    assert (out / "report.html").exists()
    assert len(workers) > 2
    wait_until(lambda: not any(title(p) for p in workers))
    # What Ray began this process ends, and the record is that of an undisturbed audit.
    ended, whole = (finish(data, folder) for folder in (out, tmp_path / "whole"))
    assert without_times(ended) == without_times(whole)


def wait_until(holds, seconds=30):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def title(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def descendants(process):
    """Children of a process, and theirs."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, grown = {process}, True
    while grown:
        more = {p for p, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return sorted(found - {process})


def test_what_goes_wrong_on_a_worker_is_one_line(model, samples):
    from onnxplain.audit.ray_engine import ray_examiner

    methods, _ = methods_for(model, CONFIG)
    examiner = ray_examiner("nowhere.onnx", OPENING, samples, methods, CONFIG, workers=2)
    with pytest.raises(OnnxplainError, match=r"nowhere\.onnx") as caught:
        next(iter(examiner([0])))
    assert "\n" not in str(caught.value)
