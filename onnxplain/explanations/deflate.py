"""Deflate as PNG and ZIP files hold it, by ISA-L where it is installed.

It takes a quarter of zlib's time for files of the same size, and zlib is most of what it takes to
write a picture. Which of the two packed a file shows in its bytes, not in what is read from it.
"""

from __future__ import annotations

try:
    from isal.isal_zlib import compress, crc32
except ImportError:  # no wheel for this platform
    from zlib import compress, crc32

__all__ = ["FAST", "compress", "crc32"]

# The level at which both are quick.
FAST = 1
