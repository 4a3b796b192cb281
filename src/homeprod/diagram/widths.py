"""How wide text is at most: nobody knows which font a reader has, and none of the usual ones is wider than this.

The widths are those of DejaVu Sans, rounded up to a twentieth of the size; Segoe UI, San Francisco, Roboto, Noto,
Cantarell and Ubuntu are narrower.
"""

from __future__ import annotations

from collections.abc import Iterator

_PLAIN = {
    0.3: "'IJijl", 0.35: " ,./:;\\|·", 0.4: "()-[]ft", 0.45: "!r", 0.5: '"*_`–', 0.55: "?csz", 0.6: "FLkvxy",
    0.65: "$0123456789EPSTYabdeghnopqu{}", 0.7: "ABCKRVXZ", 0.75: "NU", 0.8: "&DGHOQ", 0.85: "#+<=>^w~→×±", 0.9: "M",
}  # fmt: skip
_BOLD = {
    0.35: " 'ijl", 0.4: ",./:;IJ\\|·", 0.45: "-f", 0.5: "!()[]_`rt–", 0.55: '"*', 0.6: "?csz", 0.65: "Lx",
    0.7: "$0123456789EFTaekovy", 0.75: "CPSYZbdghnpqu{}", 0.8: "ABKRVX", 0.85: "#+<=>DGHNU^~→×±", 0.9: "&OQ",
    0.95: "w",
}  # fmt: skip
_WIDEST = 1.15
_WIDTHS = {
    is_bold: {sign: width for width, signs in table.items() for sign in signs}
    for is_bold, table in ((False, _PLAIN), (True, _BOLD))
}
_BREAKS = " .-/:,@_"
"""Signs behind which a line may end."""


def measure(words: str, size: float, *, is_bold: bool = False) -> float:
    """In the units of ``size``."""
    return size * sum(_WIDTHS[is_bold].get(sign, _WIDEST) for sign in words)


def wrap(words: str, width: float, size: float, *, is_bold: bool = False) -> Iterator[str]:
    """Lines that are no wider, with nothing left out: broken at a space or behind a sign, else where it must be."""
    line = ""
    for part in _split(words):
        if line and measure((line + part).rstrip(), size, is_bold=is_bold) > width:
            yield line.rstrip()
            line = ""
        for sign in part:
            if line and measure((line + sign).rstrip(), size, is_bold=is_bold) > width:
                yield line.rstrip()
                line = ""
            line += sign
    yield line.rstrip()


def _split(words: str) -> Iterator[str]:
    part = ""
    for sign in words:
        part += sign
        if sign in _BREAKS:
            yield part
            part = ""
    yield part
