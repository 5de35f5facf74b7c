"""Native code that crashes, hangs or eats memory takes one picture with it, and nothing else."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onnxplain.audit.record import read_record
from tests.cli.conftest import MODEL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and limits of Linux")

ROOT = Path(__file__).parents[2]
FAULTY = Path(__file__).parent / "faulty"
GOOD = ("a.png", "m.png", "z.png")
LIMITS = ("--budget", "hang-seconds=30", "--budget", "run-seconds=10")


def environment():
    paths = [str(FAULTY), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def command(*arguments):
    return [sys.executable, "-m", "onnxplain", *map(str, arguments)]


def run(*arguments):
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False,
        env=environment(), timeout=600,
    )  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    """Make a folder of three good digits, and of others by the names given."""

    def make(*names):
        folder = tmp_path / "data"
        folder.mkdir()
        digits = sorted((ROOT / "examples/digits").glob("*.png"))
        for name, digit in zip((*GOOD, *names), digits, strict=False):
            shutil.copy(digit, folder / name)
        return folder

    return make


def require_one_line_for_each(found, *names):
    for name in names:
        (line,) = [n for n in found.stderr.splitlines() if name in n]
        assert "lost in native code: " in line
    assert "Traceback" not in found.stderr
    assert "Segmentation" not in found.stderr


def test_explain_goes_on_behind_a_crash_and_an_abort(pictures, tmp_path):
    data = pictures("crash.png", "q-good.png", "abort.png")
    found = run("explain", MODEL, data, "-m", "cam", "-o", tmp_path / "out", "--isolate", "--json")
    assert found.returncode == 8, found.stderr
    require_one_line_for_each(found, "crash.png", "abort.png")
    assert "SIGSEGV" in found.stderr
    assert "SIGABRT" in found.stderr
    document = json.loads(found.stdout)
    codes = {Path(i["image"]).name: i["exit_code"] for i in document["images"]}
    good = dict.fromkeys((*GOOD, "q-good.png"), 0)
    assert codes == {**good, "crash.png": 8, "abort.png": 8}
    assert {p.name for p in (tmp_path / "out").glob("*.npz")} == {
        f"{Path(n).stem}.cam.npz" for n in good
    }


@pytest.mark.slow
def test_what_is_said_is_as_without_a_wall(pictures, tmp_path):
    data = pictures()
    words = ("explain", MODEL, data, "-m", "cam,lrp", "-p", "lrp.at=/2/Conv_output_0")
    plain = run(*words, "-o", tmp_path / "out", "--json")
    behind = run(*words, "-o", tmp_path / "out", "--json", "--isolate")
    assert plain.returncode == behind.returncode == 0, behind.stderr
    assert without_seconds(json.loads(behind.stdout)) == without_seconds(json.loads(plain.stdout))
    assert behind.stderr == plain.stderr


def without_seconds(data):
    if isinstance(data, dict):
        return {k: without_seconds(v) for k, v in data.items() if k != "seconds"}
    return [without_seconds(v) for v in data] if isinstance(data, list) else data


@pytest.mark.slow
def test_a_line_is_said_once_however_many_workers_there_are(pictures, tmp_path):
    data = pictures("crash.png", "crash2.png")
    found = run("features", "maps", MODEL, data, "--count", 1, "-o", tmp_path / "out", "--isolate")
    assert found.returncode == 8, found.stderr
    require_one_line_for_each(found, "crash.png", "crash2.png")
    lines = found.stdout.splitlines() + found.stderr.splitlines()
    assert len(lines) == len(set(lines))
    assert len([n for n in found.stdout.splitlines() if n.endswith(".npz")]) == 3


@pytest.mark.slow
def test_a_hang_and_a_picture_that_eats_memory(pictures, tmp_path):
    data = pictures("eat.png", "hang.png", "huge.png", "killed.png")
    found = run(
        "explain", MODEL, data, "-m", "cam", "-o", tmp_path / "out", "-q", "--isolate", *LIMITS,
        "--budget", "memory-bytes=1500000000",
    )  # fmt: skip
    assert found.returncode in (4, 8), found.stderr
    require_one_line_for_each(found, "eat.png", "hang.png", "killed.png")
    assert "--budget memory-bytes=N raises it" in found.stderr
    assert "--budget hang-seconds=N raises the limit" in found.stderr
    assert "when memory runs out" in found.stderr
    # One allocation above all limits is refused at once, and needs no new process.
    (line,) = [n for n in found.stderr.splitlines() if "huge.png" in n]
    assert "needs more memory than is available" in line
    assert len(list((tmp_path / "out").glob("*.npz"))) == 3


CONFIG = 'methods = ["cam"]\nmeasures = ["deletion"]\nsanity_pictures = 2\n'


def test_an_audit_is_behind_a_wall_unless_told_otherwise(pictures, tmp_path):
    data = pictures("crash.png", "n-good.png")
    (tmp_path / "audit.toml").write_text(CONFIG)
    words = ("audit", MODEL, data, "--config", tmp_path / "audit.toml")
    found = run(*words, "-o", tmp_path / "out")
    assert found.returncode == 8, found.stderr
    require_one_line_for_each(found, "crash.png")
    assert "4 of 5 pictures examined" in found.stdout
    record = read_record(tmp_path / "out/record.json").to_dict()
    assert record["complete"] is True
    assert [f["name"] for f in record["failures"]] == ["crash.png"]
    bare = run(*words, "-o", tmp_path / "bare", "--no-isolate")
    assert bare.returncode == -signal.SIGSEGV


@pytest.mark.slow
@pytest.mark.parametrize("view", ["evaluate", "top-patches"])
def test_a_data_set_is_done_without_the_picture(pictures, tmp_path, view):
    data = pictures("crash.png")
    words = {
        "evaluate": ("evaluate", MODEL, data, "-m", "cam", "--metrics", "deletion"),
        "top-patches": ("features", "top-patches", MODEL, data, "--layer", "/2/Conv_output_0",
                        "--count", 1, "--images", 2),
    }  # fmt: skip
    found = run(*words[view], "-o", tmp_path / "out", "--isolate")
    assert found.returncode == 8, found.stderr
    require_one_line_for_each(found, "crash.png")
    assert list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_reaches_the_worker_and_nothing_begins_again(pictures, tmp_path, number, code):
    data = pictures("hang.png")
    words = command("explain", MODEL, data, "-m", "cam", "-o", tmp_path / "out", "--isolate")
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        wait_for(tmp_path / "out/a.cam.npz")
        (worker,) = children(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.slow
def test_the_worker_ends_with_the_process_that_watches(pictures, tmp_path):
    data = pictures("hang.png")
    words = command("explain", MODEL, data, "-m", "cam", "-o", tmp_path / "out", "--isolate")
    with subprocess.Popen(words, cwd=ROOT, env=environment()) as process:
        wait_for(tmp_path / "out/a.cam.npz")
        (worker,) = children(process.pid)
        process.kill()
    until = time.monotonic() + 10
    while Path(f"/proc/{worker}/statm").exists() and state(worker) != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)


def wait_for(path):
    until = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def children(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return "Z"


@pytest.mark.slow
@pytest.mark.parametrize("held", [False, True])
def test_a_worker_that_hangs_in_native_code_is_stopped(pictures, tmp_path, held):
    """Where it holds Python's lock, by the second request."""
    name = "locked" if held else "stuck"
    data = pictures(f"{name}.png")
    words = command("explain", MODEL, data, "-m", "cam", "-o", tmp_path / "out", "--isolate")
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE) as process:
        wait_for(data / f"{name}.held")
        (worker,) = children(process.pid)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        if held:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(9)
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode in (137, 143)
    assert not Path(f"/proc/{worker}").exists()
