"""A bar with the time left, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from onnxplain.text import shown


class Bar:
    """Progress over jobs of similar length.

    Parameters
    ----------
    progress : rich.progress.Progress, optional
        Where it is drawn; nothing is drawn without.
    jobs : int
        How many there are.
    """

    def __init__(self, progress: Progress | None, jobs: int) -> None:
        self._progress = progress
        self._finished = 0
        if progress is not None:
            self._task = progress.add_task("", total=jobs)

    def job(self, name: str) -> None:
        """Say what is being done."""
        if self._progress is not None:
            self._progress.update(self._task, description=shown(name))

    def step(self, done: int, total: int) -> None:
        """Report progress within the job; fits `Model.explain`."""
        if self._progress is not None:
            self._progress.update(self._task, completed=self._finished + done / max(total, 1))

    def finish(self, jobs: int = 1) -> None:
        """Count jobs as done."""
        self._finished += jobs
        self.step(0, 1)


@contextmanager
def progress_bar(jobs: int, *, quiet: bool) -> Iterator[Bar]:
    """Show a bar while the body runs; nothing if `quiet` or not on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield Bar(None, jobs)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        yield Bar(progress, jobs)
