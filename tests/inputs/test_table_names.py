"""How tables of pictures are named."""

from pathlib import Path

import pytest

from onnxplain.inputs.table_names import is_table


@pytest.mark.parametrize("name", ["labels.csv", "a/LABELS.JSON", Path("x.y.csv")])
def test_tables_end_in_csv_or_json_in_any_case(name):
    assert is_table(name)


@pytest.mark.parametrize("name", ["picture.png", "csv", "labels.csv/picture.png", "a.csv.gz"])
def test_nothing_else_is_a_table(name):
    assert not is_table(name)
