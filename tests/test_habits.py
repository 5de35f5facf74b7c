"""Files for contributors say what the repository does."""

import re
from pathlib import Path

import pytest

import onnxplain
from onnxplain.cli import main
from onnxplain.convert.operators import MICROSOFT, OURS, STOCK
from onnxplain.files import parse_toml

ROOT = Path(__file__).parents[1]
PROJECT = parse_toml((ROOT / "pyproject.toml").read_text("utf-8"), "pyproject.toml")
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
TEMPLATES = [
    *(f"ISSUE_TEMPLATE/{n}.yml" for n in ("bug", "model", "idea")),
    "pull_request_template.md",
]
YAML = [
    ".github/workflows/tests.yml", ".pre-commit-config.yaml", "CITATION.cff",
    *(f".github/ISSUE_TEMPLATE/{n}.yml" for n in ("bug", "model", "idea", "config")),
]  # fmt: skip
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
_WORDS = {17: "seventeen", 18: "eighteen", 19: "nineteen", 20: "twenty", 21: "twenty-one"}


def test_the_workflow_covers_the_promised_systems_and_versions():
    assert "[ubuntu-latest, macos-latest, windows-latest]" in WORKFLOW
    versions = re.findall(r'"(3\.\d+)"', WORKFLOW.partition("python: [")[2].partition("]")[0])
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"


def test_the_workflow_installs_extras_that_exist():
    extras = {e for found in re.findall(r'"\.\[(.*?)\]"', WORKFLOW) for e in found.split(",")}
    assert extras
    assert extras <= set(PROJECT["project"]["optional-dependencies"])


def test_hooks_are_the_linters_that_tests_run():
    entries = re.findall(r"entry: (.*)", HOOKS)
    tests = (ROOT / "tests/test_architecture.py").read_text("utf-8")
    for linter in ("ruff check", "ruff format", "lint-imports", "mypy"):
        assert any(linter in entry for entry in entries), linter
        assert linter.split()[0] in tests
    for path in re.findall(r"pytest .*?(tests/\S+\.py)", HOOKS):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_ask_what_is_in_the_model(name):
    assert "onnxplain inspect --json" in (ROOT / ".github" / name).read_text("utf-8")


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited
    assert cited[1] == PROJECT["project"]["version"] == onnxplain.__version__


@pytest.mark.parametrize("path", YAML)
def test_they_are_yaml(path):
    yaml = pytest.importorskip("yaml", reason="PyYAML, which the extra onnxplain[docs] brings")
    assert isinstance(yaml.safe_load((ROOT / path).read_text("utf-8")), dict)


def test_the_readme_counts_what_there_is():
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    ours = sum(len(versions) for own in OURS.values() for versions in own.values())
    of_runtime = sum(map(len, MICROSOFT.values()))
    assert f"It converts {sum(map(len, STOCK.values()))} of the operator versions" in text
    assert f"the other {ours + of_runtime} ({ours} of the ONNX standard, {of_runtime} of" in text
    views = main.commands["features"].commands
    assert f"`features` has {_WORDS[len(views)]} views" in text
