"""The annotated scenes of the examples, written in each format by hand."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "examples/scenes"
CLASSES = ("circle", "square", "triangle", "star", "cross")
SIDE = 96
# As the examples have them: {picture: [{class, box}]}.
TRUTH = json.loads((FOLDER / "boxes.json").read_text("utf-8"))


def coco(path, truth=TRUTH, crowds=()):
    """Write COCO's JSON; ids of categories have gaps, as COCO's own have."""
    images, annotations = [], []
    for number, (name, objects) in enumerate(truth.items()):
        images.append({"id": 100 + number, "file_name": name, "width": SIDE, "height": SIDE})
        for k, one in enumerate(objects):
            left, top, right, bottom = one["box"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 100 + number,
                    "category_id": 2 * CLASSES.index(one["class"]) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "iscrowd": int((name, k) in crowds),
                }
            )
    categories = [{"id": 2 * k + 1, "name": name} for k, name in enumerate(CLASSES)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(data), "utf-8")
    return path


def yolo(folder, truth=TRUTH):
    """Write ``data.yaml`` and ``labels/``."""
    (folder / "labels").mkdir(parents=True)
    (folder / "data.yaml").write_text(f"path: .\nnames: [{', '.join(CLASSES)}]\n", "utf-8")
    for name, objects in truth.items():
        rows = []
        for one in objects:
            left, top, right, bottom = (v / SIDE for v in one["box"])
            middle = f"{(left + right) / 2:.9f} {(top + bottom) / 2:.9f}"
            size = f"{right - left:.9f} {bottom - top:.9f}"
            rows.append(f"{CLASSES.index(one['class'])} {middle} {size}\n")
        (folder / "labels" / name).with_suffix(".txt").write_text("".join(rows), "utf-8")
    return folder


def voc(folder, truth=TRUTH, difficult=()):
    """Write one XML file for each picture; pixels are counted from 1."""
    folder.mkdir(parents=True)
    for name, objects in truth.items():
        parts = [
            f"<object><name>{one['class']}</name><pose>Left</pose>"
            f"<difficult>{int((name, k) in difficult)}</difficult><bndbox>"
            f"<xmin>{one['box'][0] + 1}</xmin><ymin>{one['box'][1] + 1}</ymin>"
            f"<xmax>{one['box'][2]}</xmax><ymax>{one['box'][3]}</ymax></bndbox></object>"
            for k, one in enumerate(objects)
        ]
        size = f"<size><width>{SIDE}</width><height>{SIDE}</height><depth>3</depth></size>"
        text = f"<annotation><filename>{name}</filename>{size}{''.join(parts)}</annotation>"
        (folder / name).with_suffix(".xml").write_text(text, "utf-8")
    return folder
