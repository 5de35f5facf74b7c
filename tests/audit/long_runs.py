"""Audits as processes of their own, to be killed, starved and measured."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from onnxplain.audit.store import PICTURES

ROOT = Path(__file__).parents[2]
MODEL = "models/digits-gap.onnx"
# A method of ONNX Runtime: such a process starts in half the time.
QUICK = """
methods = ["occlusion"]
measures = ["deletion"]
sanity_pictures = 1
"""
SEVERAL = """
methods = ["grad-cam", "lrp", "occlusion"]
measures = ["deletion", "insertion"]
sanity_pictures = 2
"""


def write_digits(folder, count):
    """Write so many digits, each different, into folders named by their class."""
    digits = load_digits()
    for k in range(count):
        ink = digits.images[k % len(digits.images)] - k // len(digits.images)
        pixels = np.round(ink.clip(0) * (255 / 16)).astype(np.uint8)
        path = folder / str(digits.target[k % len(digits.images)]) / f"{k:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def command(data, out, config=QUICK, *more):
    """Command line of an audit; its configuration is written into its folder."""
    out.mkdir(exist_ok=True)
    (out / "audit.toml").write_text(config)
    words = ["audit", MODEL, data, "-o", out, "--config", out / "audit.toml", "-q", *more]
    return [sys.executable, "-m", "onnxplain", *map(str, words)]


def start(data, out, config=QUICK, *more, **options):
    """Start an audit."""
    return subprocess.Popen(
        command(data, out, config, *more),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        **options,
        # What a shell starts in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(data, out, config=QUICK):
    """Run an audit to its end."""
    found = subprocess.run(
        command(data, out, config), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return out / "record.json"


def wait_for_results(out, least, seconds=120):
    """Wait until an audit has kept the results of so many pictures."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if results(out) >= least:
            return
        time.sleep(0.005)
    raise AssertionError(f"{results(out)} results came, {least} were awaited")


def results(out):
    """How many pictures an audit has kept the results of."""
    path = out / "results.sqlite"
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        query = "SELECT count(*) FROM results WHERE kind = ?"
        count = connection.execute(query, (PICTURES,)).fetchone()[0]
        connection.close()
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
    return count


def without_times(path):
    """Lines of a record but the one that may differ."""
    lines = path.read_text("utf-8").splitlines()
    assert sum(line.startswith('"times"') for line in lines) == 1
    return [line for line in lines if not line.startswith('"times"')]
