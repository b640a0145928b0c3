"""Text in tables that nobody's spreadsheet may take for a formula.

Excel, LibreOffice and Google Sheets run a cell that begins with ``=``, ``+``, ``-`` or ``@``, also after a tab or a
carriage return. A name of a file or of a person may begin so; an apostrophe before it makes the cell text again (OWASP,
"CSV Injection"). Numbers stay numbers.
"""

from __future__ import annotations

from typing import Any

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: Any) -> Any:
    """A cell to write: text that a spreadsheet would run gets an apostrophe in front, all else stays as it is.

    Example:
        >>> safe("=1+1"), safe("-0.5"), safe(-0.5), safe("anna")
        ("'=1+1", '-0.5', -0.5, 'anna')
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS) and not _is_number(cell) else cell


def plain(cell: str) -> str:
    """A cell that was read, without the apostrophe that :func:`safe` put before it."""
    return cell[1:] if cell.startswith("'") and safe(cell[1:]) != cell[1:] else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
