"""Where the browser tests find their browser: ``TINYGRAD_EDU_CHROMIUM``, or ``chromium`` on the path."""

import os
import shutil


def executable():
    """The path of Chromium, or None."""
    return os.environ.get("TINYGRAD_EDU_CHROMIUM") or shutil.which("chromium")


def launch(playwright):
    """A headless Chromium."""
    return playwright.chromium.launch(
        executable_path=executable(), args=["--headless", "--no-sandbox", "--disable-gpu"]
    )
