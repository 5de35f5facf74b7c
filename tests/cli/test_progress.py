"""The bar counts jobs and parts of them; work of a moment says nothing where nobody looks."""

from rich.progress import Progress

from onnxplain.cli import progress_lines
from onnxplain.cli.progress import Bar, progress_bar


def test_parts_of_jobs_are_counted():
    progress = Progress()
    bar = Bar(progress, 4)
    (task,) = progress.tasks
    bar.job("a\nb")
    bar.finish()
    bar.step(1, 2)
    assert (task.total, task.completed, task.description) == (4, 1.5, "a b")
    bar.step(0, 0)
    bar.finish(2)
    assert task.completed == 3


def test_without_a_terminal_short_work_says_nothing(capsys):
    for quiet in (True, False):
        with progress_bar(2, quiet=quiet) as bar:
            bar.job("x")
            bar.step(1, 2)
            bar.finish()
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_long_work_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(progress_lines, "_SECONDS", 0.0)
    for quiet in (True, False):
        with progress_bar(2, quiet=quiet) as bar:
            bar.job("a\nb")
            bar.step(1, 2)
    out, err = capsys.readouterr()
    first, *rest = err.splitlines()
    assert (out, rest[-1].endswith("25 % in 0:00, about 0:00 left: a b")) == ("", True)
    assert first.startswith("onnxplain: 0 % in 0:00")
