"""Everything a person looks at: pictures, steps, explanations and plots of what `tinygrad_edu` records.

>>> import viz
>>> from tinygrad_edu import Value
>>> a = Value(2.0, "a")
>>> viz.draw(a * a)
<Drawing of mul: 2 nodes, 2 edges>
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tinygrad_edu.lazy import lazy_names
from tinygrad_edu.modes import recording

if TYPE_CHECKING:
    from viz.animate import animate_backprop
    from viz.audit import Audit, audit
    from viz.draw import Drawing, draw
    from viz.explode import Explosion, explode
    from viz.landscape import Landscape, loss_landscape, plot_landscape, plot_log_error, plot_trajectories
    from viz.player import player
    from viz.plots import plot_activations, plot_boundary, plot_history
    from viz.quiz import quiz
    from viz.step import step
    from viz.trace import Trace, trace
    from viz.training_film import animate_training
    from viz.training_plots import (
        plot_activation_histograms,
        plot_bands,
        plot_confusion,
        plot_curves,
        plot_gradient_norms,
        plot_lr_range,
        plot_samples,
    )
    from viz.why import Explanation, why
else:  # imported when first asked for, so that a picture of a graph does not wait for matplotlib
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "animate": "animate_backprop",
            "audit": "Audit audit",
            "draw": "Drawing draw",
            "explode": "Explosion explode",
            "landscape": "Landscape loss_landscape plot_landscape plot_log_error plot_trajectories",
            "player": "player",
            "plots": "plot_activations plot_boundary plot_history",
            "quiz": "quiz",
            "step": "step",
            "trace": "Trace trace",
            "training_film": "animate_training",
            "training_plots": "plot_activation_histograms plot_bands plot_confusion plot_curves plot_gradient_norms "
            "plot_lr_range plot_samples",
            "why": "Explanation why",
        },
    )

__all__ = [
    "Audit",
    "Drawing",
    "Explanation",
    "Explosion",
    "Landscape",
    "Trace",
    "animate_backprop",
    "animate_training",
    "audit",
    "draw",
    "explode",
    "loss_landscape",
    "player",
    "plot_activation_histograms",
    "plot_activations",
    "plot_bands",
    "plot_boundary",
    "plot_confusion",
    "plot_curves",
    "plot_gradient_norms",
    "plot_history",
    "plot_landscape",
    "plot_log_error",
    "plot_lr_range",
    "plot_samples",
    "plot_trajectories",
    "quiz",
    "recording",
    "step",
    "trace",
    "why",
]


class _Package(ModuleType):
    """Where a function bears the name of its module, ``viz.draw`` stays the function when the module is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in __all__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
