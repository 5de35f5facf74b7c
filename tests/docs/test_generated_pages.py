"""Pages that benchmarks write say what their programs would write from the numbers on record."""

import pytest

from benchmarks.conversion import table as coverage
from benchmarks.exported import table as exported
from benchmarks.layers import table as layers


@pytest.mark.parametrize(
    "table", [coverage, layers, exported], ids=["coverage", "layers", "exported"]
)
def test_a_page_is_what_its_program_writes(table):
    assert table.PAGE.read_text("utf-8") == table.render(table.load())
