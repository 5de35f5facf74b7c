"""Our tables are matplotlib's colour maps, in eight bits."""

import numpy as np
import pytest
from matplotlib import colormaps

from onnxplain.render.color_tables import COUNT, TABLES, look_up


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_matplotlibs_colours(name):
    expected = np.asarray(colormaps[name](np.arange(COUNT)))[:, :3]
    np.testing.assert_allclose(TABLES[name], expected, atol=0.5 / 255 + 1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_places_are_looked_up_as_matplotlib_does(name):
    places = np.concatenate([np.linspace(-0.5, 1.5, 1001), np.arange(COUNT + 1) / COUNT])
    expected = np.asarray(colormaps[name](places))[:, :3]
    np.testing.assert_allclose(look_up(TABLES[name], places), expected, atol=0.5 / 255 + 1e-9)
