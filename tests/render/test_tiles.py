"""Pages of many small pictures: every pixel where it belongs, every caption readable."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.render.canvas import Picture
from onnxplain.render.tiles import Tile, block, fitting_side, tile_page
from tests.readable import require_readable
from tests.render.pages import colored, images, pictures, words


def test_block_is_joined_by_white_lines():
    joined = block([colored(255, 0, 0), colored(0, 255, 0), colored(0, 0, 255)], 2, gap=1)
    assert joined.shape == (9, 13, 3)
    assert (joined[:4, :6] == (255, 0, 0)).all()
    assert (joined[:4, 7:] == (0, 255, 0)).all()
    assert (joined[5:, :6] == (0, 0, 255)).all()
    assert (joined[4] == 255).all()
    assert (joined[5:, 7:] == 255).all()


def test_tiles_stand_in_rows_and_places_can_stay_empty():
    tiles = [
        Tile(colored(9, 9, 9), "one"),
        None,
        Tile(colored(7, 7, 7), "two"),
        Tile(colored(5, 5, 5)),
    ]
    page = tile_page(["heading", "small"], tiles, columns=2, side=1.0, notes="notes")
    assert [i[0, 0, 0] for i in images(page)] == [9, 7, 5]
    first, second, third = (picture.box for picture in pictures(page))
    assert first.x == second.x < third.x
    assert first.y < second.y == third.y
    assert all(word in words(page) for word in ("heading", "small", "one", "two", "notes"))


def test_captions_do_not_cover_each_other():
    long = "a caption that is much longer than its tile is wide"
    tiles = [Tile(colored(9, 9, 9), f"{k} {long}") for k in range(9)]
    page = tile_page(["h" * 300, "s" * 300], tiles, columns=5, side=0.8, notes="n " * 300)
    require_readable(page)
    assert page.width < 14


def test_wide_pages_get_more_rows():
    tiles = [Tile(colored(1, 2, 3)) for _ in range(40)]
    page = tile_page(["h"], tiles, columns=40, side=1.0)
    assert page.width < 14
    assert len({round(picture.box.y, 6) for picture in pictures(page)}) > 3


def test_a_page_has_an_end():
    with pytest.raises(UsageError, match="9000 pictures do not fit on one page"):
        tile_page(["h"], [Tile(colored(1, 2, 3))] * 9000, columns=12, side=0.9)


def test_a_row_of_many_tiles_is_not_broken():
    tiles = [Tile(colored(255, 0, 0))] * 40
    for columns in (1, 7, 20):
        side = fitting_side(columns, 1.7)
        page = tile_page(["m"], tiles, columns=columns, side=side)
        tops = [item.box.y for item in page.items if isinstance(item, Picture)]
        assert len(set(tops)) == -(-40 // columns)
    assert fitting_side(3, 1.7) == 1.7
