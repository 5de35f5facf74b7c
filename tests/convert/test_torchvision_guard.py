"""Conversion beside a torchvision that does not fit the installed PyTorch."""

import subprocess
import sys
import textwrap

# A torchvision that does on import what a mismatched one does, and nothing else.
MISMATCHED = """
    import torch


    @torch.library.register_fake("torchvision::nms")
    def nms(dets, scores, iou_threshold):
        return dets


    from torchvision import ops
"""
OPS = """
    def roi_align(*args, **kwargs):
        raise AssertionError("never called")


    def nms(*args, **kwargs):
        raise AssertionError("never called")


    def box_convert(*args, **kwargs):
        raise AssertionError("never called")
"""
CONVERT = """
    import numpy as np
    import torch
    from onnx import helper
    from onnxplain.convert import to_torch
    from onnxplain.graph.view import Graph
    from tests.convert.oracle import make_model

    x = np.ones((1, 2), np.float32)
    model = make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": x}, ["y"])
    print(to_torch(Graph(model)).run({"x": torch.from_numpy(x)}, ["y"])["y"].tolist())
    import torchvision
"""


def run(path, code):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": f"{path}:.", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_torchvision(path):
    package = path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(textwrap.dedent(MISMATCHED))
    (package / "ops.py").write_text(textwrap.dedent(OPS))


def test_a_mismatched_torchvision_stops_a_plain_import(tmp_path):
    fake_torchvision(tmp_path)
    done = run(tmp_path, "import torchvision")
    assert "operator torchvision::nms does not exist" in done.stderr


def test_conversion_survives_it(tmp_path):
    fake_torchvision(tmp_path)
    done = run(tmp_path, CONVERT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[1.0, 1.0]]"


def test_a_torchvision_that_fits_is_left_alone(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("from torchvision import ops\n")
    (package / "ops.py").write_text(textwrap.dedent(OPS))
    done = run(
        tmp_path,
        """
        from onnxplain.convert import torchvision_guard
        torchvision_guard.import_onnx2torch()
        print(torchvision_guard._library)
        """,
    )
    assert done.stdout.strip() == "None", done.stderr


def test_a_missing_onnx2torch_is_one_readable_error(tmp_path):
    (tmp_path / "onnx2torch.py").write_text("raise ImportError('not installed')\n")
    done = run(
        tmp_path,
        """
        from onnxplain.convert import torchvision_guard
        from onnxplain.errors import ConversionError
        try:
            torchvision_guard.import_onnx2torch()
        except ConversionError as error:
            print(error)
        """,
    )
    assert "pip install onnx2torch" in done.stdout, done.stderr
