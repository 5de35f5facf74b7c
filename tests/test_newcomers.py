"""The checklists of CONTRIBUTING, done: a CAM method, an operator and a task, and nothing else.

Each is added to a copy of the package by the files that its checklist names; a process that
imports the copy then uses it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKLIST = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def guide(name):
    """The program of a how-to page."""
    page = (ROOT / "docs" / "guides" / f"{name}.md").read_text("utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]


IMPORTS = """
import numpy as np, onnx, onnxplain
from onnx import parser, numpy_helper
from onnxplain.cli import main

assert onnxplain.__file__.startswith(FOLDER)


def command(*words):
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 0
"""
METHOD = guide("method")
USE_METHOD = """
model = onnxplain.load("models/digits-softmax.onnx")
found = model.explain("examples/digits/3-10.png", "median-cam", 3)
assert found.attribution.any() and found.layer
command("explain", "models/digits-softmax.onnx", "examples/digits/3-10.png", "-m", "median-cam",
        "-o", FOLDER + "/out")

"""
OPERATOR = guide("operator")
BUILD = """
proto = parser.parse_model('<ir_version: 9, opset_import: ["" : 18]> '
    'g (float[N,3,6,6] image) => (float[N,2] scores) { c = Conv(image, w) m = Mish(c) '
    'p = GlobalAveragePool(m) f = Flatten(p) scores = MatMul(f, v) }')
rng = np.random.default_rng(0)
for name, shape in (("w", (4, 3, 3, 3)), ("v", (4, 2))):
    value = rng.normal(size=shape).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(value, name))
picture = rng.integers(0, 256, (6, 6, 3), np.uint8)
"""
USE_OPERATOR = (
    BUILD
    + """
model = onnxplain.load(proto, preprocess="zero-one", scores="logits", engine="pytorch")
for method in ("gradient", "grad-cam", "lrp", "guided-backprop"):
    assert model.explain(picture, method, 1).attribution.any(), method
assert model.network.layers[0].name == "m"
"""
)
MISSES_OPERATOR = (
    BUILD
    + """
from onnxplain.errors import ConversionError
try:
    model = onnxplain.load(proto, preprocess="zero-one", scores="logits", engine="pytorch")
    model.explain(picture, "gradient", 1)
except ConversionError as error:
    assert "Mish-18" in str(error)
else:
    raise AssertionError("converted without a converter")
"""
)
TASK = guide("task")
USE_TASK = (
    BUILD.replace("m = Mish(c)", "m = Relu(c)")
    + """
model = onnxplain.load(proto, preprocess="zero-one", task="counts")
assert model.task.name == "counts"
assert model.predict(picture).unit == "value"
assert model.explain(picture, "gradient", 1).attribution.any()
onnx.save(proto, FOLDER + "/m.onnx")
command("inspect", FOLDER + "/m.onnx", "--preprocess", "zero-one", "--task", "counts")
"""
)


class Copy:
    """A copy of the package, and which of its files were changed."""

    def __init__(self, folder):
        self.folder, self.touched = folder, set()
        shutil.copytree(ROOT / "onnxplain", folder / "onnxplain",
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip

    def write(self, name, text):
        path = self.folder / name
        assert not path.exists()
        path.write_text(text.lstrip())
        self.touched.add(name)

    def replace(self, name, old, new):
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))
        self.touched.add(name)

    def run(self, code):
        code = f"FOLDER = {str(self.folder)!r}\n{IMPORTS}{code}print('to the end')"
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1"}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("to the end\n")


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


def named(what):
    """Files of the package that the checklist of a change names, and folders for a new one."""
    (entry,) = re.findall(rf"^- \*\*{what}\*\*(.*?)(?=^- \*\*|^$)", CHECKLIST, re.DOTALL | re.M)
    return set(re.findall(r"`(onnxplain/[\w/]+(?:\.py|/))`", entry))


def require_named(copy, what, new):
    """Nothing else was touched than what is named, and what is named had to be touched."""
    folder = new.rpartition("/")[0] + "/"
    assert {folder if name == new else name for name in copy.touched} == named(what)


def test_a_method(copy):
    new = "onnxplain/methods/median_cam.py"
    copy.write(new, METHOD)
    row = '    "lrp": ("lrp",),\n'
    own = '    "median_cam": ("median-cam",),\n'
    copy.replace("onnxplain/methods/__init__.py", row, row + own)
    copy.run(USE_METHOD)
    require_named(copy, "A method", new)


def test_an_operator(copy):
    """The package as it was before it knew Mish, which then is added anew."""
    convert, known = "onnxplain/convert/operators.py", "onnxplain/graph/operators.py"
    row = '    "activation.mish": {"Mish": (18, 22)},\n'
    facts = '        "Mish": _SAME | _PASSES | _RELU,\n'
    copy.replace(convert, row, "")
    copy.replace(known, facts, "")
    copy.run(MISSES_OPERATOR)
    copy.touched.clear()
    new = "onnxplain/convert/mish.py"
    copy.write(new, OPERATOR)
    first = '    "activation.clip"'
    copy.replace(convert, first, row.replace("activation.mish", "mish.mish") + first)
    first = '        "Relu": _SAME'
    copy.replace(known, first, facts + first)
    copy.run(USE_OPERATOR)
    require_named(copy, "An operator", new)


def test_a_task(copy):
    new = "onnxplain/tasks/counts.py"
    copy.write(new, TASK)
    copy.replace(
        "onnxplain/tasks/find.py",
        '    if answer.task == "values":\n',
        '    if answer.task == "counts":\n        from onnxplain.tasks.counts import Counts\n\n'
        '        return Counts(answer, labels, shapes)\n    if answer.task == "values":\n',
    )
    copy.replace(
        "onnxplain/graph/answers/answer.py",
        'TaskName = Literal["classes", ',
        'TaskName = Literal["classes", "counts", ',
    )
    copy.replace(
        "onnxplain/cli/options.py",
        'click.Choice(["classes", ',
        'click.Choice(["classes", "counts", ',
    )
    copy.run(USE_TASK)
    require_named(copy, "A task", new)
