"""Whether the texts of a figure can be read."""


def boxes(figure):
    """Extent in pixels of every text that is not empty."""
    renderer = figure.canvas.get_renderer()
    return [(t.get_text(), t.get_window_extent(renderer)) for t in figure.texts if t.get_text()]


def require_readable(figure):
    """Assert that every text of a figure lies inside of it, and on no other text."""
    width, height = figure.canvas.get_width_height()
    found = boxes(figure)
    for text, box in found:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    for k, (text, box) in enumerate(found):
        for other, second in found[k + 1 :]:
            across = min(box.x1, second.x1) - max(box.x0, second.x0)
            down = min(box.y1, second.y1) - max(box.y0, second.y0)
            # Descenders of one line may touch the next one's box.
            assert across <= 0 or down <= 0.35 * min(box.height, second.height), (text, other)
