"""Where a chart's lines, bands and ticks stand, by arithmetic."""

from onnxplain.report.chart import Size, chart, path

SIZE = Size(120, 70, 10, 10, 5, 15)


def test_corners_and_the_middle():
    found = chart("t", {"a": [0.0, 0.5, 1.0]}, ticks=(0.0, 1.0), across=((0.0, "0"), (1.0, "1")),
                  size=SIZE)  # fmt: skip
    (line,) = found.lines
    assert line.points == [(10, 55), (60, 30), (110, 5)]
    assert line.band == []
    assert [(t.at, t.text, t.zero) for t in found.up] == [(55, "0", True), (5, "1", False)]
    assert [(t.at, t.anchor) for t in found.across] == [(10, "start"), (110, "end")]


def test_numbers_beyond_the_range_stay_at_the_edge():
    (line,) = chart("t", {"a": [7.0, -7.0]}, ticks=(-1.0, 1.0), across=(), size=SIZE).lines
    assert [y for _, y in line.points] == [5, 55]


def test_a_band_goes_there_below_and_back_above():
    bands = {"b": ([0.0, 0.25], [0.5, 1.0])}
    values = {"a": [1.0, 1.0], "b": [0.2, 0.6]}
    first, second = chart("t", values, ticks=(0.0, 1.0), across=(), bands=bands, size=SIZE).lines
    assert (first.style, first.band) == (0, [])
    assert second.style == 1
    assert path(second.band) == "10,55 110,42.5 110,5 10,30"


def test_one_number_is_a_point_and_many_lines_share_six_looks():
    found = chart("t", {str(k): [0.0] for k in range(8)}, ticks=(0.0, 1.0), across=(), size=SIZE)
    assert [line.style for line in found.lines] == [0, 1, 2, 3, 4, 5, 0, 1]
    assert path(found.lines[0].points) == "10,55"
