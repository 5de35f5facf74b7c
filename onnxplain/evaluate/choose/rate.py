"""How often the verdict of a picture is wrong, as measured.

By ``python -m benchmarks.trust``, on pictures and shuffled networks of seeds that nothing was
tuned on; docs/trust.md has the table.
"""

from __future__ import annotations

# Maps of shuffled networks that were said to beat the controls, and all of them.
FALSE, MAPS = 15, 980


def said_rate() -> str:
    """Say it in a clause."""
    return (
        f"wrong for {100 * FALSE / MAPS:.1f} % of {MAPS:,} maps of networks with shuffled weights"
    )
