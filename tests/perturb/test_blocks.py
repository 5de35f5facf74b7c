"""Random rows do not depend on how they are asked for."""

import numpy as np
import pytest

from onnxplain.perturb.blocks import Blocks


def uniform(random, count):
    return random.random((count, 3))


@pytest.mark.parametrize("step", [1, 7, 64, 100, 300])
def test_pieces_make_up_the_whole(step):
    whole = Blocks(5, uniform).rows(slice(0, 300))
    drawn = Blocks(5, uniform)
    pieces = [drawn.rows(slice(k, min(k + step, 300))) for k in range(0, 300, step)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_rows_in_the_middle_and_again():
    whole = Blocks(5, uniform).rows(slice(0, 300))
    drawn = Blocks(5, uniform)
    for part in (slice(200, 250), slice(10, 11), slice(60, 70)):
        np.testing.assert_array_equal(drawn.rows(part), whole[part])


def test_seeds_and_blocks_differ():
    one, other = (Blocks(seed, uniform).rows(slice(0, 128)) for seed in (0, 1))
    assert len(np.unique(np.concatenate([one, other]))) == one.size + other.size


def test_only_one_block_is_drawn_at_a_time():
    counts = []
    Blocks(0, lambda random, count: counts.append(count) or np.zeros(count)).rows(slice(0, 1000))
    assert len(set(counts)) == 1
    assert counts[0] <= 64
