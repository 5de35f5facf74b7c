"""What stands on a page."""

import numpy as np

from onnxplain.render.canvas import Picture, Text


def colored(red, green, blue, size=(4, 6)):
    return np.full((*size, 3), (red, green, blue), np.uint8)


def pictures(page):
    return [item for item in page.items if isinstance(item, Picture)]


def images(page):
    return [picture.pixels for picture in pictures(page)]


def texts(page):
    return [item.text for item in page.items if isinstance(item, Text)]


def words(page):
    return " ".join(texts(page))


def bold(page):
    return [i.text for i in page.items if isinstance(i, Text) and i.weight == "bold"]
