"""Progress with the time left: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from onnxplain.cli.progress_lines import Lines
from onnxplain.text import shown


class Bar:
    """Progress over jobs of similar length.

    Parameters
    ----------
    shows : rich.progress.Progress or Lines, optional
        Where it is drawn or said; nowhere without.
    jobs : int
        How many there are.
    """

    def __init__(self, shows: Progress | Lines | None, jobs: int) -> None:
        self._shows = shows
        self._finished = 0
        if isinstance(shows, Progress):
            self._task = shows.add_task("", total=jobs)

    def job(self, name: str) -> None:
        """Say what is being done."""
        if isinstance(self._shows, Progress):
            self._shows.update(self._task, description=shown(name))
        elif self._shows is not None:
            self._shows.update(name=name)

    def step(self, done: int, total: int) -> None:
        """Report progress within the job; fits `Model.explain`."""
        completed = self._finished + done / max(total, 1)
        if isinstance(self._shows, Progress):
            self._shows.update(self._task, completed=completed)
        elif self._shows is not None:
            self._shows.update(done=completed)

    def finish(self, jobs: int = 1) -> None:
        """Count jobs as done."""
        self._finished += jobs
        self.step(0, 1)


@contextmanager
def progress_bar(jobs: int, *, quiet: bool) -> Iterator[Bar]:
    """Show progress while the body runs; nothing if `quiet`."""
    if quiet:
        yield Bar(None, jobs)
        return
    if not sys.stderr.isatty():
        with Lines(jobs) as lines:
            yield Bar(lines, jobs)
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
