"""Lecture: gradient descent, "sense, step, move, stop", and a fault in a published class, found and undone.

The lecture itself is `demos/notebooks/lecture.py`: a script of cells, which VS Code opens as cells and Jupyter as a
notebook where jupytext is installed. `python -m demos lecture` runs all cells and writes their pictures. The last
sections train the lecture's own net 20-32-16-3. All ten published figures are reproduced to the last digit, and
the reason why they are low is found: one division too many.
"""

from pathlib import Path

from demos import _notebook
from demos._comparison import Comparison
from demos._options import Out, Quick, Seed
from demos._pictures import Folder

NOTEBOOK = Path(__file__).parent / "notebooks" / "lecture.py"
PUBLISHED = {
    10: ("1.6710", "0.3488"),
    20: ("1.4473", "0.3688"),
    30: ("1.2814", "0.4025"),
    40: ("1.1546", "0.4425"),
    50: ("1.0515", "0.4788"),
}


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Run every cell, write the pictures, and print published and measured figures side by side."""
    names = _notebook.run(NOTEBOOK, Folder(out), quick=quick, seed=seed)
    table = compare(names["figures"])
    print(f"\n{table}")
    return table


def compare(figures: dict[str, float]) -> Comparison:
    """The lecture's figures, those of the same run here, and those of the run without the fault."""
    table = Comparison("figure")
    for epoch, (loss, accuracy) in PUBLISHED.items():
        table.add(f"epoch {epoch}: loss", loss, figures[f"as published, epoch {epoch}: loss"])
        table.add(f"epoch {epoch}: accuracy", accuracy, figures[f"as published, epoch {epoch}: accuracy"])
    table.add("without the fault: accuracy", "0.9650", figures["without the fault, epoch 50: accuracy"])
    table.add("without the fault: test accuracy", "0.93", figures["without the fault, test accuracy"])
    return table
