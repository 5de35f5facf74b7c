"""The rates that a report tells are those of the table in docs/audit.md."""

import re
from pathlib import Path

from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.report.blind_spots import MEASURED, unseen
from tests.report.conftest import DIGEST, made_record, picture

ROOT = Path(__file__).parents[2]


def test_the_rates_are_those_of_the_table():
    text = (ROOT / "docs/audit.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| ([^|]+) \| (\d+) of (\d+) \|", text, re.M)
    found = {
        (layout, re.search(r"\d+ %", trained)[0]): (int(first), int(of))
        for layout, trained, first, of in rows
    }
    assert found == MEASURED


def test_what_masks_show_is_not_unseen():
    made = made_record([picture(0, "a.png", DIGEST)], Preprocess("made", "NCHW", (8, 8)))
    pictures = made["data"]["pictures"]
    texts = {}
    for count in (0, 1, pictures):
        made["data"]["with_mask"] = count
        texts[count] = "\n".join(unseen(build(Record, made)))
    assert "moves around: there are no masks" in texts[0]
    assert "moves around, in pictures without a mask" in texts[1]
    assert "moves around" not in texts[pictures]
