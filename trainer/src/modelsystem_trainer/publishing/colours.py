"""The colours of all drawings, on light and dark pages."""

from xml.etree import ElementTree as ET

INK, LINE = "#17202a", "#d8dee6"
SERIES = ("#0b5fcc", "#b8690a", "#8a94a0")
DARK = {  # the colours on a dark page
    INK: "#e7ebf0",
    LINE: "#313a45",
    **dict(zip(SERIES, ("#6cb0ff", "#e6a545", "#7d8894"), strict=True)),
}


def dark_style() -> ET.Element:
    """Return a style sheet that replaces the colours if the page is dark."""
    rules = [
        f'[{paint}="{light}"]{{{paint}:{dark}}}'
        for light, dark in DARK.items()
        for paint in ("fill", "stroke")
    ]
    style = ET.Element("style")
    style.text = f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"
    return style
