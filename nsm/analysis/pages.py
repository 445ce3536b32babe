"""Self-contained HTML pages from templates: everything inside, readable without a network."""

from __future__ import annotations

import base64
from pathlib import Path

__all__ = ["render_page"]

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **values: object) -> str:
    """Fills a template; text is escaped, and what it names must be given.

    Filters: ``percent`` and ``number`` write numbers for people, ``picture`` makes PNG bytes an address.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, number=_number, picture=_data_uri)
    return environment.get_template(template).render(**values)


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1%}"


def _number(value: float | int | None) -> str:
    return "n/a" if value is None else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


def _data_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
