"""onnx_ir loads, and the computer algebra behind it does not."""

import subprocess
import sys

import pytest

LOADED = "import sys; {}; print('sympy.core' in sys.modules)"


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        ("from onnxplain.graph.ir import ir, passes", "False"),
        ("import onnxplain.graph.prepare", "False"),
        ("from onnxplain.graph.ir import ir; import sympy; sympy.Symbol('n')", "True"),
    ],
)
def test_sympy_loads_on_first_use(statement, loaded):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loaded
