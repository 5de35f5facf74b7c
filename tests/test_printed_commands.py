"""Every command that the README and the site print names files and options that exist, and runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from onnxplain.cli import main
from tests.printed_commands import ALL, PAGES, ROOT, commands, steps, words_of

_SUFFIXES = (".onnx", ".png", ".jpg", ".json", ".npz", ".npy")
# What tutorials make by programs, and where commands write if nobody says it.
_MADE = {"mine.onnx", "unknown.onnx", "audited", "features"}


def parse(words):
    """Read a command line as far as its options, without running it."""
    # Commands keep the help option of the first context that asks: take the real one.
    context, command = click.Context(main, **main.context_settings), main
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, words, parent=context)
        words = [*getattr(context, "_protected_args", []), *context.args]


def files(words):
    """Words that name files or folders to be read."""
    return [
        word for before, word in zip(["", *words], words, strict=False)
        if before not in ("-o", "-t") and "=" not in word
        and (word.endswith(_SUFFIXES) or word.startswith(("models/", "examples/")))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "line"), ALL, ids=[f"{p.stem}: {line[:70].strip()}" for p, line in ALL]
)
def test_names_and_options_exist(page, line):
    words = words_of(line)
    if "--help" not in words and "--list-metrics" not in words:
        parse(list(words))
    before = commands(page)[: commands(page).index(line)]
    made = _MADE | {Path(w[w.index("-o") + 1]).parts[0] for w in map(words_of, before) if "-o" in w}
    missing = [f for f in files(words) if not (ROOT / f).exists() and Path(f).parts[0] not in made]
    assert missing == []


def test_pages_that_print_commands_are_found():
    assert {"README", "start", "choose", "features", "detector"} <= {page.stem for page, _ in ALL}


def test_a_wrong_option_is_found():
    with pytest.raises(click.ClickException):
        parse(["explain", "models/digits-gap.onnx", "x.png", "--no-such-option"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent.name != "tutorials"], ids=lambda page: page.stem
)
def test_they_run(page, tmp_path):
    """In order, in a folder with the shipped files; tutorials run when the site is built."""
    for name in ("models", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for kind, text in steps(page):
        words = ["-c", text] if kind == "python" else ["-m", "onnxplain", *words_of(text)]
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stderr}"
