"""The tests that feel a processor's kernels pass under other instruction sets as well."""

import os
from pathlib import Path

import instruction_sets
import pytest
import torch
from instruction_sets import NAME, SETTINGS, missing, run

TESTS = Path(__file__).parent
OTHERS = [s for s in SETTINGS if s.environment]


def marked():
    """Files with tests of the marker: to collect all the others takes as long as these need."""
    return [
        str(p) for p in sorted(TESTS.rglob("test_*.py")) if "mark.kernels" in p.read_text("utf-8")
    ]


@pytest.mark.skipif(NAME in os.environ, reason="runs under such a setting already")
@pytest.mark.parametrize("setting", OTHERS, ids=str)
def test_other_instruction_sets(setting):
    if reason := missing(setting):
        pytest.skip(reason)
    done = run(setting, ["-n", "0", "-m", "kernels and not slow", *marked()])
    assert done.returncode == 0, done.stdout[-8000:]


@pytest.mark.kernels
def test_the_setting_is_in_force():
    """That of the process, if it runs under one: PyTorch says which kernels it takes."""
    setting = next((s for s in SETTINGS if str(s) == os.environ.get(NAME)), None)
    assert (setting is None) == (NAME not in os.environ)
    if setting is not None:
        assert torch.get_num_threads() == setting.threads
        if setting.reported:
            assert torch.backends.cpu.get_cpu_capability() == setting.reported


def test_what_the_processor_lacks_is_said(monkeypatch):
    monkeypatch.setattr(instruction_sets, "__cpu_features__", {"SSE41": True, "AVX": False})
    reasons = {str(s): missing(s) for s in SETTINGS}
    assert reasons["sse41-1"] is None
    assert reasons["avx-2"].endswith("processor without AVX")
    assert reasons["own-4"] is None


def test_a_failure_is_told_from_a_success(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(instruction_sets, "SETTINGS", [s for s in SETTINGS if str(s) == "own-2"])
    file = tmp_path / "test_threads.py"
    file.write_text(
        "import os\n"
        "def test_two(): assert os.environ['OMP_NUM_THREADS'] == '2'\n"
        "def test_three(): assert os.environ['OMP_NUM_THREADS'] == '3'\n"
    )
    arguments = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)]
    assert instruction_sets.main([*arguments, "-k", "two"]) == 0
    assert "own-2: passed: 1 passed" in capsys.readouterr().out
    assert instruction_sets.main([*arguments, "-k", "three"]) == 1
    assert "own-2: FAILED (exit 1): 1 failed" in capsys.readouterr().out
