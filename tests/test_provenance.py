"""Versions in a record are those that are installed, found without importing anything."""

import platform
import subprocess
import sys
from importlib import metadata

from onnxplain.provenance import versions


def test_they_are_those_of_the_packages():
    found = versions()
    assert found["numpy"] == metadata.version("numpy")
    assert found["torch"] == metadata.version("torch")
    assert found["python"] == platform.python_version()
    assert found["platform"].startswith(sys.platform)


def test_nothing_is_imported_for_them():
    code = "import sys; from onnxplain.provenance import versions; versions(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"numpy", "torch", "onnx"}.isdisjoint(loaded.stdout.split())
