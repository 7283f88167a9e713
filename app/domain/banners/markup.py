"""Where a banner's picture is, and the HTML with which a partner shows it (A06)."""

from __future__ import annotations

from html import escape

from app.domain.banners.uploads import ENDINGS


def banner_url(base_url: str, code: str, picture_format: str) -> str:
    """The public address of a banner's picture: it never changes what it shows."""
    return f"{base_url}/banners/{code}.{ENDINGS[picture_format]}"


def banner_markup(link: str, image: str, title: str, width: int, height: int) -> str:
    """A picture that leads to a tracking link, ready to paste into a page: every value is escaped.

    The page reserves the picture's place by its width and height, in pixels; search engines learn that the link is
    paid for, and the page that it opens cannot reach back.
    """
    return (
        f'<a href="{escape(link)}" rel="sponsored nofollow noopener" target="_blank">'
        f'<img src="{escape(image)}" width="{width}" height="{height}" alt="{escape(title)}"></a>'
    )
