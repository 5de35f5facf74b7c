"""A record made of results by hand, to be edited."""

import numpy as np
import pytest
from audit.made_results import filled, picture, spot

from onnxplain.audit.record import recorded_pictures
from onnxplain.audit.records.plain import plain
from onnxplain.audit.store import SANITY
from onnxplain.audit.summaries import summarise_entries, summarise_maps
from onnxplain.inputs.preprocess import Preprocess
from tests.report.conftest import made_record

FAILED = ({"status": "failed", "file_sha256": None, "problem": "broken"}, {})


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What sums are made of, of a class off its objects, one on them, and one in two places."""
    rng = np.random.default_rng(0)
    mask = spot(16, 8, 8) > 0
    entries = [picture(0, spot(10, 12, noise=0.02, rng=rng), mask) for _ in range(6)]
    entries += [picture(1, spot(18, 10, noise=0.02, rng=rng), mask) for _ in range(6)]
    places = [(4, 4), (18, 18)] * 15
    entries += [picture(2, spot(*p, noise=0.02, rng=rng), label=None) for p in places]
    for value, _ in entries:
        value["methods"]["m"]["curves"] = {"deletion": rng.random(33).round(6).tolist()}
        value["methods"]["m"]["measures"]["deletion"] = float(rng.random())
    checked = {"layers": ["a"], "spearman": [0.2], "ssim": [0.1], "left": 0.2, "other_class": 0.1}
    with filled(tmp_path_factory.mktemp("made"), [*entries, FAILED]) as store:
        store.add(SANITY, 0, {"name": "0.png", "methods": {"m": checked}})
        made = made_record([], Preprocess("made", "NCHW", (8, 8)))
        return {
            **made,
            "format": 5,
            "model": {**made["model"], "task": "classes"},
            "data": {**made["data"], "examined": len(entries) + 1},
            "pictures": plain(list(recorded_pictures(store))),
            "sanity_pictures": [{"number": 0, "name": "0.png", "methods": {"m": checked}}],
            **plain(summarise_entries(store, 3, "classes")),
            **plain(summarise_maps(store, 3)),
        }
