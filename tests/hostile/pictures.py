"""Picture files with something wrong in them, made from sound ones, header by header."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.hostile.values import Rng, changed_bytes, text

_SIDE = 20
# Formats that are opened, and some that must not be, whatever the file is called.
_FOREIGN = {
    "ico": ("RGB", "ICO"), "tga": ("RGB", "TGA"), "ppm": ("RGB", "PPM"), "pcx": ("RGB", "PCX"),
    "jp2": ("RGB", "JPEG2000"), "dds": ("RGBA", "DDS"), "sgi": ("RGB", "SGI"),
    "eps": ("RGB", "EPS"), "pdf": ("RGB", "PDF"), "spider": ("F", "SPIDER"), "xbm": ("1", "XBM"),
    "msp": ("1", "MSP"), "im": ("RGB", "IM"),
}  # fmt: skip


def _noise() -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3))
    return Image.fromarray(values.astype(np.uint8))


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    exif[0x8769] = {0x9286: "a comment"}
    return exif.tobytes()


def _bases() -> dict[str, bytes]:
    noise, made = _noise(), {}

    def add(name: str, image: Image.Image, kind: str, **options: object) -> None:
        buffer = io.BytesIO()
        image.copy().save(buffer, kind, **options)  # it keeps settings of a format
        made[name] = buffer.getvalue()

    wide = Image.fromarray((np.arange(_SIDE * _SIDE, dtype=np.uint16) * 99).reshape(_SIDE, _SIDE))
    real = Image.fromarray(np.linspace(0, 1, _SIDE * _SIDE, dtype=np.float32).reshape(_SIDE, -1))
    for mode in ("RGB", "L", "1", "P", "LA", "RGBA"):
        add(f"png-{mode}", noise.convert(mode), "PNG")
    add("png-16", wide, "PNG")
    add("png-exif", noise, "PNG", exif=_exif())
    add("png-film", noise, "PNG", save_all=True, append_images=[noise.rotate(90)])
    add("png-key", noise.convert("P"), "PNG", transparency=3)
    add("jpeg", noise, "JPEG", exif=_exif())
    add("jpeg-steps", noise, "JPEG", progressive=True)
    add("jpeg-ink", noise.convert("CMYK"), "JPEG")
    add("jpeg-grey", noise.convert("L"), "JPEG")
    add("jpeg-two", noise, "MPO", save_all=True, append_images=[noise.rotate(90)])
    add("webp", noise, "WEBP", exif=_exif())
    add("webp-exact", noise.convert("RGBA"), "WEBP", lossless=True)
    add("webp-film", noise, "WEBP", save_all=True, append_images=[noise.rotate(90)])
    for how in (None, "tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        add(f"tiff-{how or 'plain'}", noise, "TIFF", compression=how)
    add("tiff-16", wide, "TIFF")
    add("tiff-real", real, "TIFF")
    add("tiff-two", noise, "TIFF", save_all=True, append_images=[noise.rotate(90)])
    add("gif", noise.convert("P"), "GIF")
    frames = [noise.rotate(90).convert("P")]
    add("gif-film", noise.convert("P"), "GIF", save_all=True, append_images=frames, transparency=1)
    for mode in ("RGB", "P", "1"):
        add(f"bmp-{mode}", noise.convert(mode), "BMP")
    for name, (mode, kind) in _FOREIGN.items():
        add(name, noise.convert(mode), kind)
    made["blp"] = b"BLP2" + struct.pack("<i", 1) + bytes(1200)
    made["avif"] = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(64)
    for name, array in (
        ("npy", np.asarray(noise)),
        ("npy-ready", np.zeros((1, 1, 8, 8), np.float32)),
        ("npy-bands", np.zeros((9, 9, 5), np.uint16)),
    ):
        buffer = io.BytesIO()
        np.save(buffer, array)
        made[name] = buffer.getvalue()
    return made


BASES = functools.cache(_bases)
_ENDINGS = (".png", ".jpg", ".webp", ".tif", ".gif", ".bmp")


def changed_picture(name: str, rng: Rng) -> tuple[bytes, str, str]:
    """Change a picture; returns its bytes, the ending of its name, and what was done."""
    content = BASES()[name]
    of_format: tuple[tuple[str, Callable[[bytes, Rng], tuple[bytes, str]]], ...] = (
        ("png", _png), ("jpeg", _jpeg), ("tiff", _tiff), ("webp", _riff), ("gif", _gif),
        ("bmp", _bmp), ("npy", _npy),
    )  # fmt: skip
    change = next((f for start, f in of_format if name.startswith(start)), changed_bytes)
    if rng.random() < 0.35:
        change = changed_bytes
    content, done = change(content, rng)
    if rng.random() < 0.15:
        content, more = changed_bytes(content, rng)
        done += f"; {more}"
    own = {"np": ".npy", "jp": ".jpg", "we": ".webp", "ti": ".tif", "gi": ".gif", "bm": ".bmp"}
    ending = own.get(name[:2], ".png")
    if rng.random() < 0.15 and ending != ".npy":
        ending = rng.choice(_ENDINGS)
    return content, ending, done


_SIZES = (0, 1, 2, 7, 19, 21, 255, 256, 9_999, 10_001, 65_535, 2**31 - 1, 2**31, 2**32 - 1)


def _png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 8 <= len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


_OF_CHUNKS = ("data", "drop", "double", "swap")


def _change_chunks(chunks: list[tuple[bytes, bytes]], k: int, how: str, rng: Rng) -> None:
    """Change a chunk, or their order, as any format with chunks may be changed."""
    if how == "data":
        kind, data = chunks[k]
        chunks[k] = (kind, changed_bytes(data, rng)[0])
    elif how == "drop":
        del chunks[k]
    elif how == "double":
        chunks.insert(k, chunks[k])
    else:
        rng.shuffle(chunks)


def _png(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Chunks changed, with check sums that are right again."""
    chunks = _png_chunks(content)
    k = rng.randrange(len(chunks))
    how = rng.choice(("header", "header", "data", "drop", "double", "swap", "text", "kind", "bomb"))
    if how == "header":
        width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
        fields = [width, height, *rest]
        at = rng.randrange(7)
        fields[at] = rng.choice(_SIZES) if at < 2 else rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 99))
        chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *fields))
    elif how in _OF_CHUNKS:
        _change_chunks(chunks, k, how, rng)
    elif how == "text":
        said = text(rng).encode("utf-8", "surrogatepass")
        name = rng.choice((b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"tRNS",
                           b"PLTE", b"gAMA", b"sBIT", b"pHYs"))  # fmt: skip
        chunks.insert(1, (name, rng.choice((said, b"a\0" + said, b"a\0\0" + zlib.compress(said)))))
    elif how == "kind":
        chunks[k] = (
            rng.choice((b"IDAT", b"IEND", b"fdAT", b"\xff\xff\xff\xff", b"PLTE")),
            chunks[k][1],
        )
    else:
        packed = zlib.compress(bytes(rng.choice((10**5, 10**7))))
        chunks = [(n, packed if n == b"IDAT" else d) for n, d in chunks]
    written = [
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks
    ]
    return content[:8] + b"".join(written), f"png:{how}"


def _jpeg(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Segments before the scan changed, with lengths that are right again or not."""
    segments, at = [], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        length = struct.unpack(">H", content[at + 2 : at + 4])[0]
        segments.append((content[at + 1], content[at + 4 : at + 2 + length]))
        at += 2 + length
    rest = content[at:]
    k = rng.randrange(len(segments))
    how = rng.choice(("data", "size", "drop", "double", "swap", "marker", "length", "scan", "exif"))
    wrong = 0
    if how == "data":
        segments[k] = (segments[k][0], changed_bytes(segments[k][1], rng)[0])
    elif how == "size":
        for j, (marker, data) in enumerate(segments):
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                size = [rng.choice(_SIZES) & 0xFFFF for _ in range(2)]
                segments[j] = (marker, data[:1] + struct.pack(">HH", *size) + data[5:])
    elif how == "drop":
        del segments[k]
    elif how == "double":
        segments.insert(k, segments[k])
    elif how == "swap":
        rng.shuffle(segments)
    elif how == "marker":
        segments[k] = (rng.randrange(0xC0, 0x100), segments[k][1])
    elif how == "length":
        wrong = rng.choice((-2, -1, 1, 100, 60_000))
    elif how == "scan":
        rest = changed_bytes(rest, rng)[0]
    else:
        block = changed_bytes(_exif(), rng)[0]
        segments.insert(0, (0xE1, block[:60_000]))
    written = b"\xff\xd8"
    for j, (marker, data) in enumerate(segments):
        length = (len(data) + 2 + (wrong if j == k else 0)) & 0xFFFF
        written += bytes((0xFF, marker)) + struct.pack(">H", length) + data
    return written + rest, f"jpeg:{how}"


def _tiff(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """One entry of the first directory changed: tag, type, count or value."""
    data = bytearray(content)
    at = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, at)[0]
    entry = at + 2 + 12 * rng.randrange(max(count, 1))
    how = rng.choice(("tag", "type", "count", "value", "next", "first"))
    values = (*_SIZES, 3, 4, 5, 6, 8, 16, 32, 64, 34_712, 50_000)
    if how == "tag":
        struct.pack_into("<H", data, entry, rng.choice((256, 257, 258, 262, 273, 277, 279, 338, 0)))
    elif how == "type":
        struct.pack_into("<H", data, entry + 2, rng.randrange(20))
    elif how == "count":
        struct.pack_into("<I", data, entry + 4, rng.choice(values))
    elif how == "value":
        struct.pack_into("<I", data, entry + 8, rng.choice(values))
    elif how == "next":
        struct.pack_into("<I", data, at + 2 + 12 * count, rng.choice((at, 0, len(data), 2**31)))
    else:
        struct.pack_into("<I", data, 4, rng.choice((0, 4, len(data) - 1, 2**32 - 1)))
    return bytes(data), f"tiff:{how}"


def _riff(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Chunks of a WebP file changed, with lengths that are right again."""
    chunks, at = [], 12
    while at + 8 <= len(content):
        length = struct.unpack_from("<I", content, at + 4)[0]
        chunks.append((content[at : at + 4], content[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    k = rng.randrange(len(chunks))
    how = rng.choice(("data", "drop", "double", "swap", "kind", "length"))
    if how in _OF_CHUNKS:
        _change_chunks(chunks, k, how, rng)
    elif how == "kind":
        chunks[k] = (
            rng.choice((b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH")),
            chunks[k][1],
        )
    body = b"".join(n + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for n, d in chunks)
    total = rng.choice(_SIZES) if how == "length" else len(body) + 4
    return b"RIFF" + struct.pack("<I", total) + b"WEBP" + body, f"webp:{how}"


def _gif(content: bytes, rng: Rng) -> tuple[bytes, str]:
    data = bytearray(content)
    if rng.random() < 0.5:
        struct.pack_into("<HH", data, 6, *(rng.choice(_SIZES) & 0xFFFF for _ in range(2)))
        return bytes(data), "gif:size"
    frame = data.find(b",")
    at = rng.randrange(max(frame, 0), min(len(data), max(frame, 0) + 20))
    data[at] = rng.choice((0, 1, 7, 127, 128, 255))
    return bytes(data), "gif:frame"


def _bmp(content: bytes, rng: Rng) -> tuple[bytes, str]:
    data = bytearray(content)
    at = rng.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46))
    if at in (26, 28):
        struct.pack_into("<H", data, at, rng.choice((0, 1, 4, 8, 16, 24, 32, 99)))
    else:
        struct.pack_into("<I", data, at, rng.choice((*_SIZES, 3, 12, 40, 64, 108, 124)))
    return bytes(data), f"bmp:{at}"


def _npy(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """The header of an array: shape, type, order."""
    at = content.index(b"{")
    end = content.index(b"\n", at)
    shape = rng.choice(("(0,)", "()", "(1,)", "(9, 9, 3)", "(100000, 100000, 3)", "(-1, 3)", "(2,"))
    kind = rng.choice(("|u1", "<f8", "<f2", "|O", "<c8", "<U9", "|b1", "<i8", "|V4", "zz"))
    order = rng.choice(("True", "False", "1"))
    header = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    return content[:at] + header[: end - at].ljust(end - at) + content[end:], "npy:header"
