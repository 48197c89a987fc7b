"""Progress bars: on a terminal as text, in a notebook as a widget, elsewhere none."""

import os
import sys
from typing import Any

from tqdm import tqdm


def progress_bar(progress: bool | None, **options: Any) -> Any:
    """A bar of tqdm's with these options.

    Parameters
    ----------
    progress : whether it is shown. None shows it on a terminal and in a notebook, unless the environment variable
        ``TQDM_DISABLE`` is set, as in the processes of a sweep.
    """
    if progress is None and os.environ.get("TQDM_DISABLE"):
        progress = False
    if progress is not False and in_notebook():
        from tqdm import auto  # takes half a second, and only a notebook needs it

        return auto.tqdm(disable=False, **options)
    return tqdm(disable=None if progress is None else not progress, **options)


def in_notebook() -> bool:
    """Whether the program runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
