"""Every failure is one line on standard error and a documented exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onnxplain.adapters.parity import Parity
from onnxplain.cli.explain import run as run_module
from onnxplain.render import save
from onnxplain.render.png import write_png
from tests.cli.conftest import DIGIT, MODEL
from tests.small_models import NAN, UNCONVERTIBLE, WITHOUT_RULE, write_model

ROOT = Path(__file__).parents[2]


def require_one_line(found, code, *words):
    assert found.exit_code == code, found.stderr
    lines = [x for x in found.stderr.splitlines() if "error:" in x]
    assert len(lines) == 1
    assert lines[0].startswith("onnxplain: error: ")
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-m", "grad-cm"], ["unknown method 'grad-cm'", "'grad-cam'"]),
        (["-m", ","], ["-m is empty"]),
        (["-t", "11"], ["out of range", "0..9"]),
        (["-t", "seven"], ["unknown class 'seven'", "0..9"]),
        (["-t", "3", "--contrast", "3"], ["contrasted with itself"]),
        (["--layer", "Relu_output"], ["unknown layer 'Relu_output'", "/6/Relu_output_0"]),
        (["-m", "lrp", "--layer", "/6/Relu_output_0"], ["none of the chosen methods"]),
        (["-p", "widnow=3"], ["widnow", "'window'"]),
        (["-p", "window"], ["write key=value"]),
        (["-p", "lrp.window=3"], ["unknown parameter of lrp 'window'"]),
        (["-m", "lrp", "-p", "occlusion.window=3"], ["occlusion is not one of the chosen"]),
        (["-p", "window=big"], ["must be a pair such as 16x24 or a whole number"]),
        (["--preprocess", "imagenet"], ["unknown preset 'imagenet'", "imagenet-torch"]),
        (["--labels", "absent.txt"], ["cannot read labels 'absent.txt'"]),
        (["--device", "gpu"], ["allowed: auto, cpu, cuda"]),
        (["--batch-size", "0"], ["--batch-size", "See `"]),
        (["--colour", "red"], ["No such option", "--help"]),
        (["--output", "scores"], ["unknown output 'scores'"]),
    ],
)
def test_wrong_names_and_options_are_found_before_anything_is_written(explain, options, words):
    require_one_line(explain(*options), 2, *words)
    assert not explain.folder.exists()


def test_a_method_that_does_not_apply_does_not_stop_the_others(explain):
    found = explain("-m", "cam,occlusion", model="models/digits-softmax.onnx")
    require_one_line(found, 2, DIGIT, "cam needs global average pooling", "use grad-cam")
    assert (explain.folder / "3-10.occlusion.npz").is_file()
    assert (explain.folder / "3-10.sheet.png").is_file()
    row = next(x for x in found.stdout.splitlines() if x.startswith("cam"))
    assert row.endswith("failed, see below")


def test_nothing_possible_is_refused(explain, tmp_path, monkeypatch):
    monkeypatch.setattr("onnxplain.cli.choices.DEFAULT_METHODS", ("lrp",))
    found = explain(model=write_model(tmp_path / "m.onnx", WITHOUT_RULE))
    require_one_line(found, 2, "lrp: no relevance rule for Sin")


def test_a_file_that_is_no_model(run, explain, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    require_one_line(explain(model=tmp_path / "m.onnx"), 3, "is not an ONNX file")
    require_one_line(run("inspect", tmp_path / "m.onnx"), 3, "is not an ONNX file")
    require_one_line(run("inspect", tmp_path / "none.onnx"), 3, "no model file at")


def test_a_model_without_a_picture(explain, tmp_path):
    path = write_model(tmp_path / "m.onnx", image="float[N,4,4] x")
    require_one_line(explain(model=path), 3, "no input looks like an image", "x float32")


def test_an_unreadable_image_does_not_stop_the_others(explain, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG")
    images = [tmp_path / "bad.png", DIGIT]
    found = explain("-m", "cam", images=images)
    require_one_line(found, 4, "bad.png", "cannot read image")
    assert (explain.folder / "3-10.cam.npz").is_file()
    document = json.loads(explain("-m", "cam", "--json", images=images).stdout)
    assert document["exit_code"] == 4
    bad, good = document["images"]
    assert bad["exit_code"] == 4
    assert "cannot read image" in bad["error"]
    assert bad["explanations"] == bad["predictions"] == []
    assert good["error"] is None


@pytest.mark.parametrize("image", ["none.png", "none/*.png"])
def test_no_such_image(explain, image):
    require_one_line(explain("-m", "cam", images=[image]), 4, image)
    assert not explain.folder.exists()


def test_a_folder_without_images(explain, tmp_path):
    (tmp_path / "empty").mkdir()
    require_one_line(explain(images=[tmp_path / "empty"]), 4, "no image in", ".png")


def test_missing_operators_leave_forward_only_methods(explain, tmp_path):
    path = write_model(tmp_path / "m.onnx", UNCONVERTIBLE)
    found = explain("-m", "saliency,occlusion", model=path)
    require_one_line(found, 5, "saliency", "SequenceAt")
    assert (explain.folder / "3-10.occlusion.npz").is_file()


def test_disagreeing_engines_are_refused_unless_allowed(explain, monkeypatch):
    monkeypatch.setattr("onnxplain.model.model.measure_parity", lambda *_: Parity("y", 0.5))
    asked = ("-m", "saliency,cam", "--engine", "pytorch")
    require_one_line(explain(*asked), 5, "saliency", "disagree", "--allow-mismatch")
    assert not (explain.folder / "3-10.saliency.npz").exists()
    found = explain(*asked, "--allow-mismatch", "--json")
    assert found.exit_code == 0
    record, _ = json.loads(found.stdout)["images"][0]["explanations"]
    assert record["measures"]["parity_error"] == 0.5


def test_the_same_failure_on_many_images_is_said_once(explain):
    images = [DIGIT, "examples/digits/4-5.png", "examples/digits/1-2.png"]
    found = explain("-m", "cam,occlusion", model="models/digits-softmax.onnx", images=images)
    require_one_line(found, 2, f"{DIGIT} and 2 more: cam: cam needs")


def test_nan_in_the_output(explain, tmp_path):
    found = explain("-m", "occlusion", model=write_model(tmp_path / "m.onnx", NAN))
    require_one_line(found, 6, "NaN", "check the preprocessing")
    assert not explain.folder.exists()


def test_an_output_folder_that_is_a_file_is_found_before_the_model_is_read(run, tmp_path):
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/deeper"):
        found = run("explain", "absent.onnx", DIGIT, "-o", tmp_path / folder)
        require_one_line(found, 7, "is a file, not a folder", "-o")


def test_a_folder_without_permission(run, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    require_one_line(run("explain", MODEL, DIGIT, "-o", tmp_path), 7, "cannot write into")


def test_results_never_overwrite_an_image(run, tmp_path):
    for name in ("a.png", "a.cam.png"):
        (tmp_path / name).write_bytes(Path(DIGIT).read_bytes())
    found = run("explain", MODEL, tmp_path, "-m", "cam", "-o", tmp_path)
    require_one_line(found, 7, "would overwrite the image a.cam.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.cam.png", "a.png"]


def file_name(file):
    """Name of the temporary file that is open as a descriptor."""
    return os.readlink(f"/proc/self/fd/{file.fileno()}")


def test_a_full_disk_is_an_output_error(explain, monkeypatch):
    def full(file, pixels):
        if "sheet" in file_name(file):
            raise OSError(28, "No space left on device")
        write_png(file, pixels)

    monkeypatch.setattr(save, "write_png", full)
    require_one_line(explain("-m", "cam"), 7, "No space left on device", "-o")
    assert not list(explain.folder.glob("*sheet*"))


def broken(*_, **__):
    raise RuntimeError("a defect\nin two lines")


def test_a_defect_is_one_line_with_a_way_to_the_traceback(explain, monkeypatch):
    monkeypatch.setattr(run_module, "load", broken)
    found = explain()
    assert found.exit_code == 70
    assert found.stderr == (
        "onnxplain: internal error: RuntimeError: a defect in two lines; "
        "run again with --debug for the traceback\n"
    )
    assert "Traceback" not in found.stdout


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_the_traceback(run, monkeypatch, tmp_path, where):
    monkeypatch.setattr(run_module, "load", broken)
    words = ["explain", MODEL, DIGIT, "-o", tmp_path]
    found = run(*(["--debug", *words] if where == "before" else [*words, "--debug"]))
    assert found.exit_code == 70
    assert "Traceback (most recent call last)" in found.stderr
    assert "in broken" in found.stderr


def test_an_interrupt_is_130_and_leaves_nothing_half_written(explain, monkeypatch):
    def interrupted(file, pixels):
        if "sheet" in file_name(file):
            file.write(b"half")
            raise KeyboardInterrupt
        write_png(file, pixels)

    monkeypatch.setattr(save, "write_png", interrupted)
    found = explain("-m", "cam")
    assert found.exit_code == 130
    assert found.stderr.splitlines()[-1] == "onnxplain: interrupted"
    assert sorted(p.name for p in explain.folder.iterdir()) == ["3-10.cam.npz", "3-10.cam.png"]


# Writes half an array, says so, and hangs.
HANGS = """
import gc, os, signal, sys, threading, time, numpy as np
from onnxplain.cli import main
from onnxplain.cli.explain.beside import Beside
writing = threading.Event()
def slow(file, array, **settings):
    file.write(b'half')
    file.flush()
    print('WRITING', flush=True)
    writing.set()
    time.sleep(60)
np.lib.format.write_array = slow
def stop():
    writing.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
"""
START = """
start = threading.Thread.start
def interrupted(thread):
    start(thread)
    if 'writing' in thread.name:
        stop()
threading.Thread.start = interrupted
"""
LEAVING = "Beside.__exit__ = lambda *_: stop()"
FINALISER = """
class Last:
    def __del__(self):
        stop()
write = Beside.write
def writes(self, work):
    last, future = Last(), write(self, work)
    return future
Beside.write = writes
"""


@pytest.mark.parametrize("asked", ["", START, LEAVING, FINALISER])
def test_termination_leaves_nothing_half_written(tmp_path, asked):
    """Wherever the main thread is: waiting, starting a writer, leaving, or in a finaliser."""
    words = ["explain", MODEL, DIGIT, "-m", "cam", "-q", "-o", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", f"{HANGS}\n{asked}\nmain({words!r})"],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "WRITING\n"
        started = time.monotonic()
        if not asked:
            assert len(list(tmp_path.iterdir())) == 1
            process.send_signal(signal.SIGTERM)
        assert process.wait(50) == 143
    assert time.monotonic() - started < 30
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_quiet():
    code = "from onnxplain.cli import main; main(['methods'])"
    reading, writing = os.pipe()
    os.close(reading)
    found = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    os.close(writing)
    assert found.returncode == 1
    assert found.stderr == ""
