"""Choices that are made by hand, and numbers that a rule chooses from."""

from onnxplain.evaluate.choose.choice import BEATS, Choice, Finding, Standing
from onnxplain.evaluate.choose.measuring import FAITHFUL, Measured

STANDING = Standing(0.8, 0.7, 0.9, "saturation", 0.3, 0.2, 0.4, 0.001, 0.01)


def finding(conclusion=BEATS, null=(0.1,) * 40, **more):
    given = {
        "method": "gradient",
        "parameters": {},
        "values": {},
        "standings": {FAITHFUL: STANDING},
    }
    return Finding(conclusion=conclusion, null=null, **{**given, **more})


def choice(found=None, **more):
    about = {"model": "m.onnx", "model_sha256": "a", "preprocess_sha256": "b", "target": ""}
    given = {"best": "gradient", "tied": (), "conclusion": BEATS, "pictures": 20, "controls": {}}
    return Choice({"gradient": found or finding()}, **{**given, **more}, about=about)


def measured(values, null=None):
    """Numbers of `Measured` from lists: one for each picture."""
    found = Measured(pictures=[str(k) for k in range(len(next(iter(values[FAITHFUL].values()))))])
    for measure, by_label in values.items():
        for label, numbers in by_label.items():
            found.values[measure][label] = {str(k): float(n) for k, n in enumerate(numbers)}
    for label, numbers in (null or {}).items():
        found.null[label] += list(numbers)
    return found
