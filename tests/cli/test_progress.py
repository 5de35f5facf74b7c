"""The bar counts jobs and parts of them, and is silent where nobody looks."""

from rich.progress import Progress

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


def test_without_a_terminal_nothing_is_written(capsys):
    for quiet in (True, False):
        with progress_bar(2, quiet=quiet) as bar:
            bar.job("x")
            bar.step(1, 2)
            bar.finish()
    assert capsys.readouterr() == ("", "")
