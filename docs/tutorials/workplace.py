"""A folder for a notebook to work in, with the shipped models and examples in it."""

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

root = next(p for p in Path.cwd().resolve().parents if (p / "models").is_dir())
folder = Path(tempfile.mkdtemp(prefix="docs-of-onnxplain-"))
for name in ("models", "examples"):
    (folder / name).symlink_to(root / name)
# The command of this checkout, whatever else is installed.
command = folder / ".bin" / "onnxplain"
command.parent.mkdir()
command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m onnxplain "$@"\n')
command.chmod(0o755)
os.environ["PATH"] = os.pathsep.join([str(command.parent), os.environ["PATH"]])
os.chdir(folder)
os.environ["TERM"] = "dumb"
# What libraries say of their own future is not what a page is about.
warnings.simplefilter("ignore", DeprecationWarning)


def _stop_at_failures(shell: Any) -> None:
    """Let a command that fails end the notebook, so that the site is not built."""
    run = shell.system

    def checked(command: str) -> None:
        run(command)
        if shell.user_ns["_exit_code"]:
            raise RuntimeError(f"exit code {shell.user_ns['_exit_code']}: {command}")

    shell.system = checked


_stop_at_failures(get_ipython())  # noqa: F821
