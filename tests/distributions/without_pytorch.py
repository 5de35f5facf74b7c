"""Run onnxplain where PyTorch and onnx2torch cannot be imported, as if they were not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HIDING = """
import sys


class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "onnx2torch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hidden())
"""
_RUNNING = "from onnxplain.cli import main; main()"


def onnxplain(*words, hiding=True):
    """Run a command line, `hiding` PyTorch or not; the finished process."""
    return subprocess.run(
        [sys.executable, "-c", (_HIDING if hiding else "") + _RUNNING, *map(str, words)],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip
