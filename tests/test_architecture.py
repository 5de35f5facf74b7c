"""The shape of the package, held by machines: imports, public names, file sizes, style, tests."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.csgraph import connected_components

import onnxplain
from onnxplain.convert.operators import MICROSOFT, OURS
from onnxplain.files import parse_toml
from tests.mirror import TESTED_WITH

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "onnxplain"


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_public_names():
    assert sorted(onnxplain.__all__) == [
        "Explanation",
        "Model",
        "Preprocess",
        "Target",
        "errors",
        "explain",
        "explain_all",
        "load",
        "methods",
    ]
    assert all(getattr(onnxplain, name) is not None for name in onnxplain.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = onnxplain.nonsense


def test_import_loads_nothing_heavy():
    heavy = {"torch", "onnxruntime", "onnx", "PIL", "matplotlib", "numpy", "scipy", "rich"}
    loaded = run("import sys, onnxplain; print(*sys.modules)").split()
    assert heavy.isdisjoint(loaded)


def test_forward_only_work_does_not_load_torch():
    code = (
        "import sys, numpy as np, onnxplain\n"
        "model = onnxplain.load('models/digits-gap.onnx')\n"
        "for method in ('cam', 'occlusion'):\n"
        "    model.explain(np.zeros((8, 8), np.uint8), method)\n"
        "print(*sys.modules)"
    )
    assert "torch" not in run(code).split()


def test_dependencies_point_one_way():
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert found.returncode == 0, found.stdout


def test_few_layers_and_few_modules_above_them():
    settings = parse_toml((ROOT / "pyproject.toml").read_text("utf-8"), "pyproject.toml")
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert next(len(c["layers"]) for c in contracts if "layers" in c) <= 16
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(modules) <= 6, modules


def test_no_large_circle_of_imports():
    """Those for types alone count too: who reads one file of a circle reads them all."""
    graph = grimp.build_graph("onnxplain", cache_dir=None)
    number = {name: k for k, name in enumerate(sorted(graph.modules))}
    imports = scipy.sparse.lil_matrix((len(number), len(number)))
    for name in number:
        for other in graph.find_modules_directly_imported_by(name):
            imports[number[name], number[other]] = 1
    _, circle = connected_components(imports.tocsr(), connection="strong")
    largest = np.bincount(circle).argmax()
    members = [name for name, k in number.items() if circle[k] == largest]
    assert len(members) <= 5, members


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff(command):
    found = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.slow
def test_types():
    """Slow in its first run, which reads the types of all libraries."""
    found = subprocess.run(
        [sys.executable, "-m", "mypy"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0, found.stdout


def test_files_stay_small():
    lengths = {
        path.relative_to(ROOT): len(path.read_text("utf-8").splitlines())
        for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    }
    assert {path: n for path, n in lengths.items() if n > 400} == {}


def test_every_method_has_a_complete_card():
    for name, method in onnxplain.methods.registered().items():
        assert name == method.name
        assert name == name.lower()
        assert method.summary.endswith(".")
        assert method.reference
        assert method.meaning
        assert method.failures
        document = method.function.__doc__ or ""
        assert all(part in document for part in ("Parameters", "Returns", "Attribution"))


def test_every_module_can_be_imported():
    """A name that has moved is found here, even if only a command's run imports it."""
    code = (
        "import importlib, pkgutil, onnxplain\n"
        "for module in pkgutil.walk_packages(onnxplain.__path__, 'onnxplain.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0, found.stderr


def modules_with_public_names():
    """Modules that define a public function or class, as "folder/name"."""
    for path in sorted(PACKAGE.rglob("*.py")):
        defined = ast.parse(path.read_text("utf-8")).body
        kinds = (ast.FunctionDef, ast.ClassDef)
        public = [n for n in defined if isinstance(n, kinds) and not n.name.startswith("_")]
        if public and not path.name.startswith("__"):
            yield path.relative_to(PACKAGE).with_suffix("").as_posix()


def mirror_of(module):
    folder, _, name = module.rpartition("/")
    return ROOT / "tests" / folder / f"test_{name}.py"


def has_tests(path):
    return path.exists() and re.search(r"^ *def test_", path.read_text("utf-8"), re.M) is not None


def test_tests_mirror_the_package():
    """``onnxplain/a/b.py`` has ``tests/a/test_b.py``, or `tests.mirror` says which file it is."""
    from_the_table = {f"convert/{key.partition('.')[0]}" for key in {**OURS, **MICROSOFT}}
    elsewhere = {*from_the_table, *TESTED_WITH}
    modules = set(modules_with_public_names())
    mirrored = {module for module in modules if has_tests(mirror_of(module))}
    assert sorted(modules - mirrored - elsewhere) == []
    # The list holds only what it is for.
    assert sorted((TESTED_WITH.keys() & mirrored) | (TESTED_WITH.keys() - modules)) == []
    assert all(has_tests(ROOT / "tests" / f"{test}.py") for test in TESTED_WITH.values())
