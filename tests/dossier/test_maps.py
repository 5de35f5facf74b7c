"""The maps of a dossier are those of the audit's store."""

import json
import sqlite3

import numpy as np


def test_each_row_is_the_map_of_a_picture(audited, unsigned):
    found = np.load(unsigned / "maps/grad-cam.npy")
    pictures = json.loads((unsigned / "record.json").read_text())["pictures"]
    with sqlite3.connect(audited / "results.sqlite") as store:
        for row, picture in zip(found, pictures, strict=True):
            (values,) = store.execute(
                "SELECT values_ FROM maps WHERE number = ? AND method = 'grad-cam'",
                (picture["number"],),
            ).fetchone()
            assert row.tobytes() == values
    assert found.shape == (3, 28, 28)
    assert np.ptp(found) > 0
