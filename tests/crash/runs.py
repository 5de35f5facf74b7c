"""Commands as children that start at once, to be killed and starved; what they leave is checked.

The parent imports everything once and never computes, so that a child is a fork of it.
"""

import json
import os
import re
import sqlite3
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import onnxplain.audit.run
import onnxplain.cli.audit_run
import onnxplain.cli.explain.run
import onnxplain.cli.features.data_views
import onnxplain.features.top_patches
import onnxplain.render.sheet  # noqa: F401 - so that no child has to
from onnxplain.cli import main

MODEL, PICTURES = "models/digits-gap.onnx", "examples/digits"
CONFIG = 'methods = ["occlusion"]\nmeasures = ["deletion"]\nsanity_pictures = 1\n'
LEFT = re.compile(r"\..*\.onnxplain-[0-9a-f]{8}")
# Seconds differ from run to run.
TIMES = re.compile(r'"(seconds|explaining_seconds|written|times)": ?(\{[^}]*\}|"[^"]*"|[-0-9.e]+)')


def commands(folder, explained=PICTURES):
    """The commands that write most, by name; each into a folder of its own."""
    (folder / "audit.toml").write_text(CONFIG)
    words = {
        "explain": ["explain", MODEL, explained, "-m", "cam,occlusion"],
        "audit": ["audit", MODEL, PICTURES, "--config", str(folder / "audit.toml")],
        "top-patches": ["features", "top-patches", MODEL, PICTURES, "--count", "2", "--images", "2",
                        "--layer", "/2/Conv_output_0"],
    }  # fmt: skip
    return {name: [*given, "-q"] for name, given in words.items()}


def start(words, out, said, before=lambda: None):
    """Begin a command that writes into a folder; what it says goes into a file."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        handle = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        before()
        main([*words, "-o", str(out)])
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code)


def finish(words, out, said, before=lambda: None):
    """Run a command to its end and return its exit code."""
    _, status = os.waitpid(start(words, out, said, before), 0)
    return os.waitstatus_to_exitcode(status)


def contents(out):
    """What whole files in a folder hold, but for times; a file that is not whole raises."""
    found = {}
    for path in sorted(p for p in Path(out).rglob("*") if p.is_file()):
        if LEFT.fullmatch(path.name) or path.name.startswith("results.sqlite-"):
            continue
        found[path.name] = _content(path)
    return found


def leftovers(out):
    """Temporary files in a folder."""
    return [p.name for p in Path(out).rglob(".*") if LEFT.fullmatch(p.name)]


def _content(path):
    if path.suffix == ".png":
        with Image.open(path) as image:
            return np.asarray(image).tobytes()
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return {k: _text(str(v)) if v.dtype.kind == "U" else v.tobytes()
                    for k, v in file.items()}  # fmt: skip
    if path.suffix == ".sqlite":
        connection = sqlite3.connect(path)
        try:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if not connection.execute("SELECT name FROM sqlite_master").fetchall():
                return {}  # killed before it had tables
            rows = connection.execute("SELECT kind, number, value FROM results").fetchall()
        finally:
            connection.close()
        return {(kind, number): _text(value) for kind, number, value in rows}
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        json.loads(text)
    if path.suffix == ".html":
        assert text.rstrip().endswith("</html>")
    # Reports say when and how long, in words.
    return "" if path.suffix in (".html", ".md") else _text(text)


def _text(text):
    return TIMES.sub("", text)
