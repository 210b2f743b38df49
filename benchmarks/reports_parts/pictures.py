"""Pictures of a page, small enough for a repository."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

__all__ = ["Picture"]

COLOURS = 64  # of the palette


class Picture(NamedTuple):
    """What is seen of a page.

    Attributes:
        scheme: light or dark.
        first, last: CSS selectors of the elements between which it is cut out; the last of those that match `last`.
        pointed: a curve that is pointed at, by its number.
        opened: prompts whose answers are shown, by the number of the row.
    """

    scheme: str
    first: str
    last: str
    pointed: int | None = None
    opened: tuple[int, ...] = ()

    def take(self, report: Path, picture: Path) -> None:
        """A PNG with a palette."""
        from playwright.sync_api import sync_playwright

        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
            page = browser.new_page(viewport={"width": 1100, "height": 5000}, color_scheme=self.scheme)
            page.goto(report.resolve().as_uri())
            for number in reversed(self.opened):
                page.locator("#prompts tbody td button").nth(number).click()
            if self.pointed is not None:
                self._point(page, page.locator(".plot").nth(self.pointed).bounding_box())
            boxes = [page.locator(self.first).first.bounding_box(), page.locator(self.last).last.bounding_box()]
            top, bottom = boxes[0]["y"] - 8, boxes[1]["y"] + boxes[1]["height"] + 12
            page.screenshot(
                path=picture, clip={"x": 0, "y": max(top, 0), "width": 1100, "height": bottom - max(top, 0)}
            )
        with Image.open(picture) as image:
            small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(picture, optimize=True)

    @staticmethod
    def _point(page: Any, box: Any) -> None:
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.3 * box["height"])
