"""Importing a torchvision that does not fit the installed PyTorch."""

import subprocess
import sys
import textwrap

import pytest

# A torchvision that does on import what a mismatched one does, and nothing else.
MISMATCHED = """
import torch


@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return dets


from torchvision import ops
"""
IMPORT = """
from onnxplain.convert import torchvision_guard
print(torchvision_guard.import_torchvision().ops.__name__)
print(torchvision_guard._library is None)
import torchvision
"""


@pytest.fixture
def run(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "ops.py").write_text("")

    def run(code, init):
        (package / "__init__.py").write_text(textwrap.dedent(init))
        return subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": f"{tmp_path}:.", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_mismatched_one_stops_a_plain_import(run):
    assert (
        "operator torchvision::nms does not exist" in run("import torchvision", MISMATCHED).stderr
    )


def test_it_can_be_imported_then(run):
    done = run(IMPORT, MISMATCHED)
    assert done.stdout.splitlines() == ["torchvision.ops", "False"], done.stderr
    assert done.returncode == 0


def test_one_that_fits_is_left_alone(run):
    done = run(IMPORT, "from torchvision import ops\n")
    assert done.stdout.splitlines() == ["torchvision.ops", "True"], done.stderr


def test_another_error_is_not_hidden(run):
    done = run(IMPORT, "raise RuntimeError('of its own')\n")
    assert "RuntimeError: of its own" in done.stderr
