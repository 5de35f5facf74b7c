"""What stands on a page of tiles."""

import numpy as np


def colored(red, green, blue, size=(4, 6)):
    return np.full((*size, 3), (red, green, blue), np.uint8)


def images(figure):
    return [np.asarray(i.get_array()) for axes in figure.axes for i in axes.images]


def words(figure):
    return " ".join(text.get_text() for text in figure.texts)
