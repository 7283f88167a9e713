"""The banners of the demo programme: pictures that are drawn when it is made, so that the gallery has something in it.

Each goes the way of an upload: noted, its file kept, then there (A06, O01).
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from app.domain.banners.commands import BannerEdit, edit_banner, make_private
from app.domain.banners.uploads import CODE_LENGTH, NewBanner, begin_upload, finish_upload
from app.domain.campaigns.codes import ALPHABET
from app.domain.scope import Scope
from app.models import Brand

# Keeps a file under a key.
Keep = Callable[[str, bytes], Awaitable[None]]
Colour = tuple[int, int, int]

_SEED = 300_250
_FRAMES = 4
_FRAME_MILLISECONDS = 500
_LIGHT: Colour = (255, 250, 235)
_FROM: dict[str, tuple[Colour, Colour]] = {
    "casino": ((28, 20, 72), (140, 30, 90)),
    "shop": ((18, 66, 54), (120, 140, 60)),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One banner: its words, and what kind of picture it is. Sizes in pixels."""

    title: str
    words: str
    format: str
    size: tuple[int, int]
    language: str
    tags: tuple[str, ...]
    animated: bool = False
    private: bool = False


# The first of each brand is the one that promos use.
CASINO_BANNERS = (
    Drawing("Welcome bonus", "100% welcome bonus", "png", (300, 250), "en", ("welcome",)),
    Drawing("Welcome bonus, wide", "100% welcome bonus", "jpeg", (728, 90), "en", ("welcome",)),
    Drawing("Willkommensbonus", "100% Bonus", "webp", (160, 600), "de", ("welcome",)),
    Drawing("Live tables", "Live tables", "gif", (468, 60), "en", ("live", "roulette"), True),
    Drawing("VIP evening", "VIP evening", "png", (336, 280), "en", ("vip",), private=True),
)
SHOP_BANNERS = (
    Drawing("New arrivals", "New arrivals", "png", (300, 250), "en", ("season",)),
    Drawing("Outlet -50%", "Outlet -50%", "jpeg", (250, 250), "ro", ("outlet", "sale")),
    Drawing("Pantofi de trail", "Pantofi de trail", "webp", (320, 480), "ro", ("sale", "trail")),
)


async def make_banners(
    operator: Scope, casino: Brand, shop: Brand, vip_partner_ids: Sequence[int], keep: Keep
) -> dict[str, int]:
    """Upload the banners of both brands; the private one is given to these partners.

    Returns the id of each brand's first banner by the brand's code. They are the same for everybody, their codes too.
    """
    dice = random.Random(_SEED)  # noqa: S311
    first: dict[str, int] = {}
    for brand, drawings in ((casino, CASINO_BANNERS), (shop, SHOP_BANNERS)):
        for drawing in drawings:
            banner_id = await _upload(operator, brand, drawing, dice, keep)
            if drawing.private:
                await make_private(operator, banner_id, vip_partner_ids)
            first.setdefault(brand.code, banner_id)
    return first


async def _upload(
    operator: Scope, brand: Brand, drawing: Drawing, dice: random.Random, keep: Keep
) -> int:
    data = draw(drawing, brand.category)
    new = NewBanner(
        brand.id,
        drawing.title,
        drawing.language,
        drawing.format,
        *drawing.size,
        drawing.animated,
        len(data),
        hashlib.sha256(data).hexdigest(),
    )
    code = "".join(dice.choice(ALPHABET) for _ in range(CODE_LENGTH))
    begun = await begin_upload(operator, new, new_code=lambda: code)
    await keep(begun.storage_key, data)
    banner = await finish_upload(operator, begun.banner_id)
    await edit_banner(operator, banner.id, BannerEdit(tags=drawing.tags))
    return begun.banner_id


def draw(drawing: Drawing, category: str) -> bytes:
    """The picture file of a drawing, in the colours of a category of brands."""
    frames = [
        _frame(drawing, category, turn / _FRAMES)
        for turn in range(_FRAMES if drawing.animated else 1)
    ]
    data = io.BytesIO()
    moving = (
        {"save_all": True, "append_images": frames[1:], "duration": _FRAME_MILLISECONDS, "loop": 0}
        if drawing.animated
        else {}
    )
    frames[0].save(data, drawing.format.upper(), **moving)
    return data.getvalue()


def _frame(drawing: Drawing, category: str, turn: float) -> Image.Image:
    """Words on a slope of two colours, with a frame; `turn` from 0 to 1 moves the shine."""
    start, end = _FROM[category]
    width, height = drawing.size
    slope = Image.linear_gradient("L").rotate(90).resize(drawing.size)
    image = Image.composite(
        Image.new("RGB", drawing.size, end), Image.new("RGB", drawing.size, start), slope
    )
    pen = ImageDraw.Draw(image)
    shine = int((width + height) * (0.6 + turn / 2)) % (width + height)
    pen.line(
        [(shine, 0), (shine - height, height)], fill=_mixed(end, _LIGHT), width=height // 12 + 2
    )
    pen.rectangle([2, 2, width - 3, height - 3], outline=_LIGHT)
    lines = drawing.words.split() if width < 2 * height else [drawing.words]
    _write(pen, lines, drawing.size)
    return image


def _write(pen: ImageDraw.ImageDraw, lines: Sequence[str], size: tuple[int, int]) -> None:
    """The lines in the middle, as large as they fit into four fifths of the picture."""
    width, height = size
    probe = ImageFont.load_default(100)
    widest = max(pen.textlength(line, font=probe) for line in lines)
    points = min(80 * width / widest, 0.8 * height / (1.25 * len(lines)))
    pen.multiline_text(
        (width / 2, height / 2),
        "\n".join(lines),
        fill=_LIGHT,
        font=ImageFont.load_default(points),
        anchor="mm",
        align="center",
    )


def _mixed(one: Colour, other: Colour) -> Colour:
    return (
        (2 * one[0] + other[0]) // 3,
        (2 * one[1] + other[1]) // 3,
        (2 * one[2] + other[2]) // 3,
    )
