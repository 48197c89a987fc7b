"""The ASCII form of text views. Where standard output cannot show Unicode, `print` shows it by itself."""

from typing import Any

from tinygrad_edu.support.ascii import in_ascii


def ascii_form(view: Any) -> str:
    """The text of a view, such as a `Trace` or an `Explanation`, in ASCII signs alone.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> import viz
    >>> a = Value(-3.0, "a")
    >>> print(viz.ascii_form(viz.why(a, a * a)).splitlines()[0])
    dL/da = -6: 2 paths
    """
    return in_ascii(str(view))
