"""How PyTorch's threads wait, and how many of them work for us."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import onnxplain
from onnxplain.adapters.back_project import back_project
from onnxplain.convert import register
from onnxplain.convert.torch_threads import import_torch, limited_threads
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.targets.classes import Target
from tests.engines import gradients
from tests.small_models import model_of

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
MODEL, PICTURE = "models/digits-gap.onnx", "examples/digits/3-10.png"
TARGET = Target(0, "logit", "y", "none", 3)
X = np.random.default_rng(0).random((1, 1, 4, 4), np.float32)
OPEN = f"import onnxplain; onnxplain.load({MODEL!r}, device='cpu').network.torch"
CONVERT = (
    "from onnxplain.convert import to_torch; from onnxplain.graph.load import read_model; "
    f"from onnxplain.graph.prepare import prepare; to_torch(prepare(*read_model({MODEL!r})))"
)
COMMAND = (
    "from onnxplain.cli import main; "
    f"main(['explain', {MODEL!r}, {PICTURE!r}, '-m', 'gradient', '-q', '-o', {{out!r}}])"
)


def openmp(code, **environment):
    """Import PyTorch for the first time, in a process of its own.

    Returns what OpenMP says about its settings when it is loaded, and which of them the
    environment holds at the end.
    """
    own = {k: v for k, v in os.environ.items() if k not in WAITING}
    left = f"lambda: print({{n: os.environ[n] for n in {WAITING} if n in os.environ}})"
    script = f"import atexit, os; atexit.register({left}); {code}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**own, "OMP_DISPLAY_ENV": "VERBOSE", **environment},
    )
    assert done.returncode == 0, done.stderr
    said = [line.split("=", 1) for line in done.stderr.splitlines() if "=" in line]
    # Other copies of OpenMP may speak too: PyTorch's is loaded last.
    found = {k.split()[-1]: v.strip().strip("'") for k, v in said}
    if "GOMP_SPINCOUNT" not in found:
        pytest.skip("PyTorch has another OpenMP here, which does not tell how its threads wait")
    return found, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("way", "load", "turns"),
    [
        ("open", 0.0, "1000"),
        ("convert", 1e6, "0"),
        ("command", 1e6, "0"),
        pytest.param("open", 1e6, "0", marks=pytest.mark.slow),
        pytest.param("convert", 0.0, "1000", marks=pytest.mark.slow),
        pytest.param("command", 0.0, "1000", marks=pytest.mark.slow),
    ],
)
def test_waiting_threads_sleep_at_once_or_soon(way, load, turns, tmp_path):
    code = {"open": OPEN, "convert": CONVERT, "command": COMMAND.format(out=str(tmp_path))}[way]
    found, left = openmp(f"os.getloadavg = lambda: ({load}, 0, 0); {code}")
    assert found["GOMP_SPINCOUNT"] == turns
    assert left == "{}"


def test_without_us_they_spin():
    assert int(openmp("import torch")[0]["GOMP_SPINCOUNT"]) > 1000


@pytest.mark.parametrize(
    ("name", "value", "spins"),
    [("OMP_WAIT_POLICY", "ACTIVE", 10**6), ("GOMP_SPINCOUNT", "12345", 12345)],
)
def test_what_the_user_says_stands(name, value, spins):
    found, left = openmp(OPEN, **{name: value})
    assert int(found["GOMP_SPINCOUNT"]) >= spins
    assert left == str({name: value})


def test_nothing_is_touched_where_pytorch_is_there_already(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    before = dict(os.environ)
    import_torch()
    assert dict(os.environ) == before


@pytest.fixture
def host():
    """A process that lets PyTorch work with two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


class Watched(torch.nn.Module):
    """Hands its input on, and notes with how many threads it does."""

    def __init__(self, seen, meeting=None):
        super().__init__()
        self.seen, self.meeting = seen, meeting

    def forward(self, x):
        if self.meeting is not None:
            self.meeting.wait(timeout=60)
        self.seen.append((threading.get_ident(), torch.get_num_threads()))
        return x.clone()


@pytest.fixture
def watched(host):
    """Open models with an operator that notes the number of threads."""
    seen, meetings = [], []

    def make(node):
        return Watched(seen, *meetings)

    def opened(**options):
        body = "h = acme.Watch(x) r = Relu(h) f = Flatten(r) y = MatMul(f, w)"
        model = model_of(body)
        model.opset_import.add(domain="acme", version=1)
        # ONNX Runtime cannot run it, so that it cannot say how many inputs fit into memory.
        return Network(prepare(model), device="cpu", batch_size=16, **options).torch

    with register("acme", "Watch", make):
        yield opened, seen, meetings


@pytest.mark.parametrize("threads", [1, 3, None])
def test_pytorch_works_with_as_many_threads_as_asked_for(watched, threads, host):
    opened, seen, _ = watched
    engine = opened(threads=threads)
    calls = [
        lambda: engine.forward(X),
        lambda: engine.activations(X, ["h"]),
        lambda: gradients(engine, X, TARGET, ["x"]),
        lambda: gradients(engine, X, TARGET, ["x"], rectify="guided"),
        lambda: engine.rerun_from(X, "x", X, ["y"]),
        lambda: back_project(engine, X, "x", "y", np.ones((1, 1, 3), np.float32)),
        lambda: list(engine.recompute({"x": X})),
    ]
    for call in calls:
        before = len(seen)
        call()
        assert len(seen) > before
        assert torch.get_num_threads() == host
    assert {n for _, n in seen} == {threads or host}


def test_models_side_by_side_each_have_their_own(watched, host):
    """Both are within their first operator at the same time."""
    opened, seen, meetings = watched
    meetings.append(threading.Barrier(2))
    engines = [opened(threads=n) for n in (1, 3)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            list(pool.map(lambda e: e.forward(X), engines))
        assert sorted(n for _, n in seen) == [1] * 5 + [3] * 5
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {host}
    assert torch.get_num_threads() == host
    with ThreadPoolExecutor(1) as pool:  # a thread that is new takes the process's number
        assert pool.submit(torch.get_num_threads).result() == host


def test_a_new_thread_keeps_its_number_when_another_one_ends(host):
    """PyTorch gives a thread the process's number at its first question, whatever was set."""
    set_, ended, seen = threading.Event(), threading.Event(), []

    def work():
        with limited_threads(3):
            set_.set()
            assert ended.wait(timeout=60)
            seen.append(torch.get_num_threads())

    with ThreadPoolExecutor(1) as pool:
        with limited_threads(1):
            done = pool.submit(work)
            assert set_.wait(timeout=60)
        ended.set()
        done.result()
    assert seen == [3]


def test_the_number_is_as_before_after_an_error(host):
    with pytest.raises(KeyError), limited_threads(1):
        raise KeyError
    assert torch.get_num_threads() == host


@pytest.mark.parametrize("method", ["gradient", "lrp", "integrated-gradients"])
def test_the_result_does_not_depend_on_threads(method, host):
    def found(threads):
        model = onnxplain.load(MODEL, device="cpu", precision="double", threads=threads)
        return model.explain(PICTURE, method, 3).attribution

    alone = found(1)
    assert alone.any()
    for threads in (2, None):
        # Sums of a few thousand products in another order, in float64.
        close = 1e-12 * np.abs(alone).max()
        np.testing.assert_allclose(found(threads), alone, rtol=0, atol=close)


def test_the_command_line_hands_the_number_to_pytorch(tmp_path, monkeypatch, host):
    from click.testing import CliRunner

    from onnxplain.cli import main

    seen = []
    original = torch.autograd.grad

    def watched(*values, **options):
        seen.append(torch.get_num_threads())
        return original(*values, **options)

    monkeypatch.setattr(torch.autograd, "grad", watched)
    line = ["explain", MODEL, PICTURE, "-m", "gradient", "-o", str(tmp_path), "--threads", "1"]
    assert CliRunner().invoke(main, [*line, "--engine", "pytorch"]).exit_code == 0
    assert set(seen) == {1}
