"""What is printed: results on standard output, remarks on standard error, one line each."""

import json

import pytest

from onnxplain.cli.console import document, line, remark, table


def test_a_table_has_its_numbers_at_the_right_and_gaps_where_nothing_is(capsys):
    table("Title", ("name", "n", "x"), [["a", 10, 0.5], ["bbb", 2, None]])
    title, head, first, second = capsys.readouterr().out.splitlines()
    assert title == "Title"
    assert head.split() == ["name", "n", "x"]
    assert first.split() == ["a", "10", "0.5"]
    assert second.split() == ["bbb", "2"]
    assert first.index("10") + 2 == second.index("2") + 1  # ends where the other ends


def test_without_columns_and_title_there_are_only_rows(capsys):
    table("", ("", ""), [["key", 0.123456]])
    assert capsys.readouterr().out.split("\n") == ["key  0.1235", ""]


def test_names_never_break_a_line_or_mark_it_up(capsys):
    line("a\nb")
    remark("c\x1b[31m\nd")
    table("", ("name",), [["[red]e[/red]\n" + "f" * 500]])
    found = capsys.readouterr()
    assert found.err == "onnxplain: c [31m d\n"
    first, _, row, end = found.out.split("\n")
    assert (first, end) == ("a b", "")
    assert row == "[red]e[/red] " + "f" * 500


def test_a_document_is_json_without_what_json_has_not(capsys):
    document({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}
    with pytest.raises(ValueError, match="Out of range"):
        document(float("nan"))
