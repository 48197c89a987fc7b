"""Redraw the README's first picture: `python docs/pictures.py` writes it into docs/images."""

from pathlib import Path

import viz
from demos import backprop

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    L = backprop.expression()
    L.backward()
    viz.draw(L).save(IMAGES / "expression.svg")


if __name__ == "__main__":
    main()
