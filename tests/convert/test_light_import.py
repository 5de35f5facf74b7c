"""Conversion loads none of the packages that onnx2torch imports in vain, and takes none away."""

import subprocess
import sys
import textwrap

import pytest

# A torchvision with the operators that onnx2torch wants, and nothing else.
OPS = """
    def roi_align(*args, **kwargs):
        return "aligned"


    def nms(*args, **kwargs):
        return "kept"


    def box_convert(*args, **kwargs):
        return "converted"
"""
# One that does on import what a mismatched one does.
MISMATCHED = """
    import torch


    @torch.library.register_fake("torchvision::nms")
    def nms(dets, scores, iou_threshold):
        return dets


    from torchvision import ops
"""
CONVERT = """
    import sys
    import numpy as np
    import torch
    from onnx import helper
    from onnxplain.convert import to_torch
    from onnxplain.graph.view import Graph
    from tests.convert.oracle import make_model

    x = np.ones((1, 2), np.float32)
    model = make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": x}, ["y"])
    print(to_torch(Graph(model)).run({"x": torch.from_numpy(x)}, ["y"])["y"].tolist())
"""


@pytest.fixture
def run(tmp_path):
    """Runs code beside a made torchvision; nothing is installed twice."""

    def run(code, init="from torchvision import ops\n"):
        package = tmp_path / "torchvision"
        package.mkdir()
        (package / "__init__.py").write_text(textwrap.dedent(init))
        (package / "ops.py").write_text(textwrap.dedent(OPS))
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={"PYTHONPATH": f"{tmp_path}:.", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_conversion_loads_neither_torchvision_nor_the_compiler(run):
    unused = ["torchvision", "torchvision.ops", "torch.onnx", "torch._dynamo"]
    done = run(
        f"{textwrap.dedent(CONVERT)}\nprint([name for name in {unused} if name in sys.modules])"
    )
    assert done.stdout.splitlines() == ["[[1.0, 1.0]]", "[]"], done.stderr


def test_what_was_left_out_is_there_when_it_is_asked_for(run):
    done = run(
        """
        from onnxplain.convert.light_import import import_onnx2torch
        import_onnx2torch()
        from onnx2torch.node_converters import nms, roialign
        from onnx2torch.utils.common import get_onnx_version
        import sys
        print("torchvision" in sys.modules)
        print(roialign.roi_align(1), nms.torchvision.ops.nms(1), get_onnx_version() > 8)
        import torch, torchvision
        print(nms.torchvision.ops is torchvision.ops, torch.onnx is sys.modules["torch.onnx"])
        """
    )
    assert done.stdout.splitlines() == ["False", "aligned kept True", "True True"], done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_a_users_own_torchvision_is_the_installed_one(run, before):
    theirs = "import torchvision\nmine = torchvision\n" if before else ""
    done = run(
        f"""
{textwrap.indent(theirs, " " * 8)}
        from onnxplain.convert.light_import import import_onnx2torch
        import_onnx2torch()
        import torchvision
        from torchvision.ops import roi_align
        from onnx2torch.node_converters import nms
        print(torchvision.ops.nms(1), roi_align(1), (nms.torchvision is torchvision) == {before})
        """
    )
    assert done.stdout.splitlines() == ["kept aligned True"], done.stderr


def test_a_mismatched_torchvision_stops_a_plain_import_but_no_conversion(run):
    caught = "\nimport torchvision"
    done = run(textwrap.dedent(CONVERT) + caught, MISMATCHED)
    assert done.stdout.splitlines() == ["[[1.0, 1.0]]"]
    assert "operator torchvision::nms does not exist" in done.stderr


def test_where_stand_ins_do_not_do_all_is_imported(run, tmp_path):
    """As another version might look closer at what it imports."""
    package = tmp_path / "onnx2torch"
    package.mkdir()
    (package / "__init__.py").write_text("from onnx2torch import part\n")
    (package / "part.py").write_text("import torchvision\nassert torchvision.ops.nms.__code__\n")
    done = run(
        """
        from onnxplain.convert.light_import import import_onnx2torch
        import_onnx2torch()
        import sys
        print("torchvision" in sys.modules, sys.modules["onnx2torch"].part.torchvision.ops.nms(1))
        """
    )
    assert done.stdout.splitlines() == ["True kept"], done.stderr


def test_a_missing_onnx2torch_is_one_readable_error(run, tmp_path):
    (tmp_path / "onnx2torch.py").write_text("raise ImportError('not installed')\n")
    done = run(
        """
        from onnxplain.convert import light_import
        from onnxplain.errors import ConversionError
        try:
            light_import.import_onnx2torch()
        except ConversionError as error:
            print(error)
        """
    )
    assert "pip install onnx2torch" in done.stdout, done.stderr
