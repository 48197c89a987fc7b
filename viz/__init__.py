"""Everything a person looks at: pictures, steps, explanations and plots of what `tinygrad_edu` records.

>>> import viz
>>> from tinygrad_edu import Value
>>> a = Value(2.0, "a")
>>> viz.draw(a * a)
<Drawing of L: 2 nodes, 2 edges>
"""

from typing import TYPE_CHECKING

from tinygrad_edu.graph.modes import recording
from tinygrad_edu.support.lazy import lazy_names

if TYPE_CHECKING:
    from viz.explain.audit import Audit, audit
    from viz.explain.exercise import Verdict, check_answer
    from viz.explain.explode import Explosion, explode
    from viz.explain.quiz import quiz
    from viz.explain.why import Explanation, why
    from viz.films.animate import animate_backprop
    from viz.films.training_film import animate_training
    from viz.pages.player import player
    from viz.pages.playground import Playground, playground
    from viz.pictures.draw import Drawing, draw
    from viz.plots.landscape import Landscape, loss_landscape, plot_landscape, plot_log_error, plot_trajectories
    from viz.plots.parallel import plot_parallel
    from viz.plots.plots import plot_activations, plot_boundary, plot_history
    from viz.plots.training_plots import (
        plot_activation_histograms,
        plot_bands,
        plot_confusion,
        plot_cure,
        plot_curves,
        plot_gradient_norms,
        plot_lr_range,
        plot_samples,
    )
    from viz.steps.trace import Trace, trace
    from viz.terminal.ascii import ascii_form
    from viz.terminal.step import step
else:  # imported when first asked for, so that a picture of a graph does not wait for matplotlib
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "films.animate": "animate_backprop",
            "explain.audit": "Audit audit",
            "pictures.draw": "Drawing draw",
            "explain.exercise": "Verdict check_answer",
            "explain.explode": "Explosion explode",
            "plots.landscape": "Landscape loss_landscape plot_landscape plot_log_error plot_trajectories",
            "pages.player": "player",
            "plots.parallel": "plot_parallel",
            "pages.playground": "Playground playground",
            "plots.plots": "plot_activations plot_boundary plot_history",
            "explain.quiz": "quiz",
            "terminal.ascii": "ascii_form",
            "terminal.step": "step",
            "steps.trace": "Trace trace",
            "films.training_film": "animate_training",
            "plots.training_plots": "plot_activation_histograms plot_bands plot_confusion plot_cure plot_curves "
            "plot_gradient_norms plot_lr_range plot_samples",
            "explain.why": "Explanation why",
        },
    )

__all__ = [
    "Audit",
    "Drawing",
    "Explanation",
    "Explosion",
    "Landscape",
    "Playground",
    "Trace",
    "Verdict",
    "animate_backprop",
    "animate_training",
    "ascii_form",
    "audit",
    "check_answer",
    "draw",
    "explode",
    "loss_landscape",
    "player",
    "playground",
    "plot_activation_histograms",
    "plot_activations",
    "plot_bands",
    "plot_boundary",
    "plot_confusion",
    "plot_cure",
    "plot_curves",
    "plot_gradient_norms",
    "plot_history",
    "plot_landscape",
    "plot_log_error",
    "plot_lr_range",
    "plot_parallel",
    "plot_samples",
    "plot_trajectories",
    "quiz",
    "recording",
    "step",
    "trace",
    "why",
]
