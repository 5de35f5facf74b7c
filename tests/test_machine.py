"""Versions are those that are installed; what the machine is doing."""

import os
import platform
import subprocess
import sys
from importlib import metadata

import pytest

from onnxplain.machine import is_busy, processors, versions


def test_they_are_those_of_the_packages():
    found = versions()
    assert found["numpy"] == metadata.version("numpy")
    assert found["torch"] == metadata.version("torch")
    assert found["python"] == platform.python_version()
    assert found["platform"].startswith(sys.platform)


def test_nothing_is_imported_for_them():
    code = "import sys; from onnxplain.machine import versions; versions(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"numpy", "torch", "onnx"}.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(("share", "busy"), [(0.0, False), (1.0, False), (1.1, True)])
def test_busy_is_more_work_than_cores(monkeypatch, share, busy):
    load = share * os.cpu_count()
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert is_busy() == busy


def test_an_unknown_load_is_not_busy(monkeypatch):
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert not is_busy()


def test_processors_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert processors() == 6
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert processors() == 1
