"""A store filled by hand, for what is computed from results alone."""

import numpy as np

from onnxplain.audit.store import PICTURES, Store
from onnxplain.audit.zones import SIDE, evidence_shares


def spot(row, column, size=4, noise=0.0, rng=None):
    """Map with a square of evidence at a place, and some spread evidence."""
    found = np.zeros((SIDE, SIDE))
    found[row : row + size, column : column + size] = 1.0
    return found if rng is None else found + noise * rng.random((SIDE, SIDE))


def picture(index, heatmap, mask=None, **changes):
    """Result of one picture that is explained by one method, "m"."""
    value = {
        "name": "p.png",
        "file_sha256": "0" * 64,
        "status": "done",
        "input_sha256": "0" * 64,
        "label": index,
        "predicted": index,
        "explained": index,
        "probability": 0.9,
        "top": [{"index": index, "probability": 0.9}],
        "mask_area": None if mask is None else float(mask.mean()),
        "methods": {
            "m": {
                "measures": {"deletion": 0.25},
                "curves": {},
                "record": {},
                "evidence": dict(evidence_shares(heatmap, mask)),
            }
        },
        "problems": [],
        "seconds": {"m": 0.5},
    }
    return {**value, **changes}, {"m": np.float32(heatmap)}


def filled(path, entries):
    """Store of some ``picture`` results, in their order."""
    store = Store(path / "results.sqlite", {"made": "by hand"})
    for number, (value, maps) in enumerate(entries):
        store.add(PICTURES, number, {**value, "name": f"{number}.png"}, maps)
    return store
