"""What the machine is doing."""

import os

import pytest

from onnxplain.machine import is_busy


@pytest.mark.parametrize(("share", "busy"), [(0.0, False), (1.0, False), (1.1, True)])
def test_busy_is_more_work_than_cores(monkeypatch, share, busy):
    load = share * os.cpu_count()
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert is_busy() == busy


def test_an_unknown_load_is_not_busy(monkeypatch):
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert not is_busy()
