"""Both files of a report say the same of the same record."""

import re

from onnxplain.report.again import read_again
from onnxplain.report.write import HTML, MARKDOWN, write_report


def test_two_files_in_the_folder(audited, tmp_path):
    shown, _ = read_again(audited[0])
    files = write_report(tmp_path / "new" / "folder", shown)
    assert [f.name for f in files] == [HTML, MARKDOWN]
    page, brief = (f.read_text("utf-8") for f in files)
    for text in (page, brief):
        assert audited[1]["model"]["sha256"] in text
        assert re.search(r"4(</strong>)?( pictures examined)? of 5", text)
    assert 'content="onnxplain 0.1.0"' in page


def test_the_chart_of_sanity_has_a_line_for_each_method(audited, tmp_path):
    shown, _ = read_again(audited[0])
    page = write_report(tmp_path, shown)[0].read_text("utf-8")
    chart = page[page.index('id="sanity"') : page.index('id="words"')]
    assert chart.count("<polyline") == len(audited[1]["sanity"]) == 1
