"""Pictures of a comment and of a report, taken by Debian's chromium."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from pathlib import Path

_STYLE = """
body { font: 14px/1.5 'DejaVu Sans', sans-serif; color: #1f2328; margin: 24px; max-width: 860px; }
code, pre { font: 12px/1.45 'DejaVu Sans Mono', monospace; background: #f0f1f3; border-radius: 4px; }
code { padding: 1px 4px; } pre { padding: 10px; } pre code { padding: 0; }
h3 { margin: 0 0 8px; } details { margin: 8px 0; } sub { color: #59636e; }
"""


def take(comment: str, report: Path, folder: Path, name: str) -> None:
    """Write ``<name>_comment.png`` and ``<name>_report.png`` into ``folder``."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(exist_ok=True)
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(comment)
    shown = report.with_name("comment.html")
    shown.write_text(f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{body}")
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for page, what in ((shown, "comment"), (report, "report")):
            tab = browser.new_page(viewport={"width": 920, "height": 400})
            tab.goto(page.as_uri())
            height = min(int(tab.evaluate("document.documentElement.scrollHeight")), 1_100)
            tab.set_viewport_size({"width": 920, "height": height})
            tab.screenshot(path=folder / f"{name}_{what}.png")
        browser.close()
