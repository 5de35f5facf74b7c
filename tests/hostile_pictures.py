"""Picture files that cannot be opened, or only just, written byte by byte."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def rgb(side: int = 24) -> Image.Image:
    """A picture of noise."""
    values = np.random.default_rng(0).integers(0, 255, (side, side, 3))
    return Image.fromarray(values.astype(np.uint8))


def encoded(kind: str, **options: object) -> bytes:
    """The noise in one of Pillow's formats."""
    buffer = io.BytesIO()
    rgb().save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, color: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG file of these rows, which need not be enough."""
    head = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + extra + body + _chunk(b"IEND", b"")


def tiff(bits: int, sample: int, values: bytes, channels: int = 1, compression: int = 1) -> bytes:
    """An 8 x 8 TIFF file; `sample` is 1 unsigned, 2 signed, 3 floating, 6 complex."""
    photometric = 2 if channels == 3 else 1
    many = [(258, bits), (339, sample)]
    single = [
        (256, 8), (257, 8), (259, compression), (262, photometric), (277, channels), (278, 8),
    ]  # fmt: skip
    count = len(many) + len(single) + 2
    start = 8 + 2 + 12 * count + 4
    extra = b"".join(struct.pack("<H", v) * channels for _, v in many) if channels > 1 else b""
    entries = {tag: struct.pack("<HHII", tag, 3, 1, v) for tag, v in single}
    for k, (tag, value) in enumerate(many):
        place = start + 2 * channels * k if channels > 1 else value
        entries[tag] = struct.pack("<HHII", tag, 3, channels, place)
    entries[273] = struct.pack("<HHII", 273, 4, 1, start + len(extra))
    entries[279] = struct.pack("<HHII", 279, 4, 1, len(values))
    table = b"".join(entries[tag] for tag in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + table + b"\0\0\0\0" + extra + values


def webp_with_damaged_exif() -> bytes:
    """A WebP file whose EXIF data hold a text where the width must stand."""
    entry = struct.pack("<HHI", 0x0112, 3, 1) + struct.pack("<HH", 6, 0)
    broken = struct.pack("<HHI", 0x0100, 2, 4) + b"wide"
    directory = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + broken + entry + b"\0\0\0\0"
    return encoded("WEBP", exif=directory)


def damaged_chunk() -> bytes:
    """A PNG file with a flipped byte in its pixels."""
    content = bytearray(encoded("PNG"))
    content[content.index(b"IDAT") + 60] ^= 0xFF
    return bytes(content)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


# What each file is called, and what its refusal must say.
REFUSED: dict[str, tuple[bytes, str]] = {
    "exif.webp": (webp_with_damaged_exif(), "may be damaged"),
    "avif.png": (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(64), "AVIF"),
    "heic.jpg": (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1" + bytes(64), "HEIC"),
    "film.png": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(64), "film"),
    "postscript.jpg": (encoded("EPS"), "PostScript"),
    "paper.png": (encoded("PDF"), "PDF"),
    "icon.png": (encoded("ICO"), "ICO"),
    "pnm.png": (encoded("PPM"), "PNM"),
    "wavelet.jpg": (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(64), "JPEG 2000"),
    "blp.png": (b"BLP2" + struct.pack("<i", 1) + bytes(1200), "BLP"),
    "spider.png": (np.ones(300, ">f4").tobytes(), "not a known kind of picture"),
    "drawing.png": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "missing.jpg": (b"\n<!DOCTYPE html><html><title>404</title></html>", "web page"),
    "pointer.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    "empty.png": (b"", "empty"),
    "text.png": (b"hello", "not a known kind of picture"),
    "truncated.jpg": (encoded("JPEG")[:300], "truncated"),
    "chunk.png": (damaged_chunk(), "may be damaged"),
    "short.png": (png(50, 50, 8, 2, bytes(10)), "may be damaged"),
    "bomb.png": (png(60_000, 60_000, 8, 2, b""), "pixels"),
    "comment.png": (
        png(2, 2, 8, 2, bytes(14), _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 26)))),
        "too large",
    ),
    "header.gif": (b"GIF89a", "GIF"),
    "frames.gif": (b"GIF89a\x08\0\x08\0\x80\0\0\0\0\0\xff\xff\xff;", "GIF"),
    "complex.tif": (tiff(64, 6, bytes(512)), "TIFF"),
    "double.tif": (tiff(64, 3, bytes(512)), "TIFF"),
    "signed.tif": (tiff(16, 2, np.full(64, -5, "<i2").tobytes()), "not a picture"),
    "nan.tif": (tiff(32, 3, np.full(64, np.nan, "<f4").tobytes()), "not a picture"),
    "wide.tif": (tiff(32, 1, np.full(64, 2**25, "<u4").tobytes()), "no standard scale"),
    "packed.tif": (tiff(8, 1, bytes(64), compression=34712), "TIFF"),
}  # fmt: skip

# Files that are opened, beside plain ones.
OPENED: dict[str, bytes] = {
    "plain.png": encoded("PNG"),
    "plain.jpg": encoded("JPEG"),
    "plain.webp": encoded("WEBP"),
    "plain.tif": encoded("TIFF"),
    "plain.gif": encoded("GIF"),
    "plain.bmp": encoded("BMP"),
    "camera.jpg": encoded("MPO", save_all=True, append_images=[rgb()]),
    "sixteen.png": png(8, 8, 16, 2, (b"\0" + bytes(range(48))) * 8),
    "sixteen.tif": tiff(16, 1, np.arange(192, dtype="<u2").tobytes(), channels=3),
    "named-wrongly.gif": encoded("PNG"),
}


def no_files(folder: Path) -> dict[str, str]:
    """Put what is no regular file, but is called a picture, into a folder; say why it is none."""
    os.symlink(folder / "nowhere.png", folder / "dangling.png")
    os.symlink("circle.png", folder / "circle.png")
    os.mkfifo(folder / "pipe.png")
    os.symlink("/dev/zero", folder / "endless.png")
    return {
        "dangling.png": "leads nowhere",
        "circle.png": "symbolic links",
        "pipe.png": "a pipe",
        "endless.png": "a device",
    }
