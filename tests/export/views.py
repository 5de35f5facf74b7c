"""Exported files of another form, and what the product shows of the same picture."""

import numpy as np
import onnx

from onnxplain.export.export import export
from onnxplain.export.view import View
from onnxplain.render.colors import blend
from onnxplain.render.overlay import shown_map
from tests.convert.oracle import session


class Viewed:
    """A model that was exported in some form, ready to run."""

    def __init__(self, model, source, out, methods, picture=None, **view):
        self.model, self.source = model, source
        self.made = export(model, source, out, methods, picture=picture, view=View(**view))
        self.file = session(onnx.load(out))
        self.original = session(onnx.load(source))

    def run(self, names, feeds, **others):
        return self.file.run(names, {**feeds, **others})

    def output(self, method, feeds, **others):
        (found,) = self.run([self.made.written.outputs[method]], feeds, **others)
        return found

    def overlay(self, method, feeds, **others):
        (found,) = self.run([self.made.written.overlays[method]], feeds, **others)
        return found

    def x(self, *pictures):
        name = self.model.network.image.name
        return {name: np.concatenate([self.model.read(p).x for p in pictures])}


def of_product(explanation):
    """Map of the input's size, the same scaled, and overlay, by the product's own drawing."""
    pixels = explanation.pixels
    scaled = shown_map(explanation, pixels.shape[:2]).values
    return explanation.heatmap(), scaled, blend(pixels, scaled, explanation.display)
