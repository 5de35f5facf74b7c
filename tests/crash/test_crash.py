"""A few moments of the two runs; `python -m tests.crash.kills` and `full_disk` try them all."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", [pytest.param("kills", marks=pytest.mark.slow), "full_disk"])
def test_a_few_moments(module):
    words = [sys.executable, "-m", f"tests.crash.{module}", "3"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 2 + 3  # a row for each command


@pytest.mark.slow
@pytest.mark.parametrize(("module", "most"), [("kills", "100"), ("full_disk", "10000")])
def test_all_moments(module, most):
    words = [sys.executable, "-m", f"tests.crash.{module}", most]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
