"""Markdown as HTML that a page may show as it is: tags in the text are escaped, and links lead to no scripts."""

from __future__ import annotations

from markdown_it import MarkdownIt

# `js-default` knows no HTML, and refuses links such as javascript: and data:.
_MARKDOWN = MarkdownIt("js-default", {"html": False})


def html_of(markdown: str) -> str:
    """The HTML of a Markdown text: CommonMark with tables and strikethrough."""
    return str(_MARKDOWN.render(markdown))
