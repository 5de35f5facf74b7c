"""Which kinds of picture files are opened, and what a refused file holds instead.

Only decoders of these formats ever see a file. Pillow knows fifty more; some start another
program (PostScript) or are hardly used, and a file's name decides nothing about its content.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# Pillow's names. Pictures of cameras that hold several (MPO) are opened as JPEG.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".npy")
ALLOWED = "PNG, JPEG, WebP, TIFF, GIF and BMP"

_HEAD = 4096
_OPENED = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
}
_REFUSED = {
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "Photoshop",
    b"\x00\x00\x01\x00": "an icon (ICO)",
    b"BLP": "BLP",
    b"DDS ": "DDS",
    b"qoif": "QOI",
    b"SIMPLE  =": "FITS",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a Git LFS pointer: the picture itself was not fetched",
}
# Brands of the container that films and some pictures share.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"),
    b"crx ": "a raw picture of a camera (CR3)",
}


def content_of(path: str | Path) -> str:
    """Say what a file that could not be opened as a picture holds, as far as its beginning tells.

    Parameters
    ----------
    path : path
        A regular file.

    Returns
    -------
    str
        Part of a sentence about the file: ``it holds AVIF``.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "it is empty"
    opened = next((name for start, name in _OPENED.items() if head.startswith(start)), None)
    if opened is None and head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        opened = "WebP"
    if opened is not None:
        return f"it begins as {opened} does, but is damaged or of an unusual kind"
    return f"it holds {_refused(head)}; allowed are {ALLOWED}"


def _refused(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        # A brand that stands first may be general; the compatible ones follow.
        brands = [head[8:12], *(head[k : k + 4] for k in range(16, 64, 4))]
        return next(
            (_BRANDS[b] for b in brands if b in _BRANDS), "a video or an unknown kind of picture"
        )
    if head[128:132] == b"DICM":
        return "DICOM"
    for start, name in _REFUSED.items():
        if head.startswith(start):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if text.startswith(b"<") and b"<svg" in text:
        return "SVG"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "PNM"
    return "not a known kind of picture"


def image_files(paths: Iterable[Path]) -> list[Path]:
    """Those of some paths that end as an image file does and are no folders, sorted.

    A link that leads nowhere is among them, so that whoever opens it says so.
    """
    return sorted(p for p in paths if p.suffix.lower() in SUFFIXES and not os.path.isdir(p))
