"""Whether the texts of a page can be read, as a picture and as a figure."""

from onnxplain.render.canvas import Text
from onnxplain.render.figures import figure_of
from onnxplain.render.painted import painted, text_box


def painted_boxes(page):
    """Left, top, right and bottom in pixels of every text that is not empty."""
    return [
        (item.text, text_box(item))
        for item in page.items
        if isinstance(item, Text) and item.text.strip()
    ]


def figure_boxes(figure):
    """The same of a figure, whose rows are counted from below."""
    renderer = figure.canvas.get_renderer()
    height = figure.canvas.get_width_height()[1]
    found = []
    for text in figure.texts:
        if text.get_path_effects():
            continue  # marks within a picture may meet
        box = text.get_window_extent(renderer)
        if text.get_text().strip():
            found.append((text.get_text(), (box.x0, height - box.y1, box.x1, height - box.y0)))
    return found


def require_readable(page):
    """Assert that every text of a page lies inside of it, and on no other text."""
    _require(painted_boxes(page), painted(page).size)
    figure = figure_of(page)
    _require(figure_boxes(figure), figure.canvas.get_width_height())


def _require(found, size):
    width, height = size
    for text, (left, top, right, bottom) in found:
        assert left >= 0, text
        assert top >= 0, text
        assert right <= width, text
        assert bottom <= height, text
    for k, (text, box) in enumerate(found):
        for other, second in found[k + 1 :]:
            across = min(box[2], second[2]) - max(box[0], second[0])
            down = min(box[3], second[3]) - max(box[1], second[1])
            high = min(box[3] - box[1], second[3] - second[1])
            # Descenders of one line may touch the next one's box.
            assert across <= 0 or down <= 0.35 * high, (text, other)
