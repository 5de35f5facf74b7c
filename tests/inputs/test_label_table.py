"""Names in tables, written by Python's own csv."""

import csv
import io

import pytest

from onnxplain import files
from onnxplain.errors import UsageError
from onnxplain.inputs.label_table import is_heading, names_of_rows, names_of_text

NAMES = ["cat", "dog, small", "a;b", 'the "big" one', "tab|bar"]


def written(rows, delimiter):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("heading", [["index", "name"], ["class_id", "Class"], None])
def test_what_csv_writes_is_read_in_the_order_of_its_indices(delimiter, heading):
    rows = [[k, name] for k, name in enumerate(NAMES)][::-1]
    text = written([heading, *rows] if heading else rows, delimiter)
    assert names_of_text(text, "file") == NAMES


def test_a_column_of_names_and_a_line_of_names():
    assert names_of_text("name\ncat\ndog\n", "file") == ["cat", "dog"]
    assert names_of_text("cat\ndog\n", "file") == ["cat", "dog"]
    assert names_of_text("cat,dog,cow\n", "file") == ["cat", "dog", "cow"]
    assert names_of_text(" \n", "file") == []


def test_identifiers_of_synsets_are_no_names():
    assert names_of_text("n01440764,tench\nn01443537,goldfish\n", "f") == ["tench", "goldfish"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "0,a\n1,b,c\n",
            "line 2 has 3 cells, the first line has 2; put a name that contains",
        ),
        ("0,a,b\n1,c,d\n", "it is not clear which of its 3 columns holds the names"),
        ("index,name\nx,a\n1,b\n", "row 1 has 'x' as an index"),
        ("index,name\n0,a\n0,b\n", "index 0 appears twice"),
        ('0,"a\n1,b\n', "it is not a table"),
    ],
)
def test_tables_that_are_not_clear(text, said):
    with pytest.raises(UsageError, match=said):
        names_of_text(text, "file")


def test_rows_of_objects():
    rows = [{"ID": 1, "Name": "dog"}, {"ID": 0, "Name": "cat", "colour": "grey"}]
    assert names_of_rows(rows, "file") == ["cat", "dog"]
    with pytest.raises(UsageError, match="no column of 'a', 'b' is known to hold names"):
        names_of_rows([{"a": "x", "b": "y"}], "file")


def test_headings():
    assert is_heading("index,name")
    assert is_heading("Class;Description")
    assert not is_heading("name")
    assert not is_heading("0,name")


def test_more_rows_than_the_limit(monkeypatch):
    monkeypatch.setattr(files, "MAX_ROWS", 3)
    assert names_of_text("a\nb\n\nc", "few.csv") == ["a", "b", "c"]
    with pytest.raises(UsageError, match=r"labels 'many\.csv': above 3 rows"):
        names_of_text("a\nb\nc\nd", "many.csv")
