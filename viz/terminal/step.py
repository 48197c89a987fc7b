"""`step`: a graph's two passes in the terminal, one step at a time, forward and back."""

import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from viz.explain.why import why
from viz.steps.steps import Backward, Forward, Step
from viz.steps.tables import Paint, brief, enumerated, in_black, painter, wrapped
from viz.steps.trace import Trace, trace
from viz.terminal import keyboard as terminal

_KEYS = "n next · b back · j jump · f forward pass · r backward pass · w why · q quit"

_MOST = 100  # gradients that are listed, the latest ones


class Stepper:
    """A position in a trace, and the screen that shows it.

    Attributes
    ----------
    trace : what is stepped through.
    place : index of the step that was made last.
    gradients : the gradient of each node so far, by id.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> stepper = Stepper(trace((a * b).tanh()))
    >>> stepper.jump("a")
    ''
    >>> print(stepper.screen(72, 24))
    backward pass, step 5 of 6
    <BLANKLINE>
    ∂L/∂a += ∂L/∂v2 · b
      = 2.458e−5 · (−3) ≈ −7.373e−5
    ∂L/∂a: — → −7.373e−5
    <BLANKLINE>
    neighbours
      v2 = a · b = −6,  ∂L/∂v2 = 2.458e−5
    ▸   of a = 2,  ∂L/∂a = −7.373e−5
        of b = −3
        used by L = tanh(v2) = −1,  ∂L/∂L = 1
    <BLANKLINE>
    gradients so far
      ∂L/∂a = −7.373e−5, ∂L/∂v2 = 2.458e−5, ∂L/∂L = 1
    <BLANKLINE>
    n next · b back · j jump · f forward pass · r backward pass · w why · q
    quit
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.place = 0
        self.gradients: dict[int, Any] = {}
        self.users: dict[int, list[int]] = {}
        for k in trace.operations:
            for x in trace.nodes[k].inputs:
                self.users.setdefault(x, []).append(k)

    # --- moving ---

    @property
    def step(self) -> Step:
        """The step that was made last."""
        return self.trace.steps[self.place]

    def go(self, place: int) -> None:
        """Go to a step, making or undoing those on the way."""
        place = min(max(place, 0), len(self.trace.steps) - 1)
        while self.place < place:
            self.place += 1
            if not isinstance(self.step, Forward):
                self.gradients[self.step.target] = self.step.after  # type: ignore[attr-defined]
        while self.place > place:
            if not isinstance(self.step, Forward):
                self.gradients[self.step.target] = self.step.before  # type: ignore[attr-defined]
            self.place -= 1

    def jump(self, where: str) -> str:
        """Go to the step with this number, or to the node with this name; says why not, if it cannot."""
        if where.isdecimal() and 0 < int(where) <= len(self.trace.steps):
            self.go(int(where) - 1)
            return ""
        if where not in self.trace.names:
            return f"there is no node or step {where!r}: the nodes are {', '.join(self.trace.names)}"
        k = self.trace.names.index(where)
        places = [step.index for step in self.trace.steps if step.target == k]
        if not places:
            return f"{where} is a constant: no step leads to it"
        # An operation has a step in each phase: stay in the one where one is.
        again = len(places) > 1 and places[0] < len(self.trace.operations) <= self.place
        self.go(places[again])
        return ""

    # --- showing ---

    def screen(self, width: int, height: int, paint: Paint = in_black, note: str = "") -> str:
        """The screen as text of at most ``height`` lines; ``note`` is shown instead of the keys."""
        keys = wrapped(note or _KEYS, width, 0).splitlines()
        lines = [
            paint(line, style if line else "")
            for style, text in self._paragraphs()
            for line in (wrapped(text, width, 6).splitlines() or [""])
        ]
        room = max(height - len(keys) - 1, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], "…"]
        return "\n".join([*lines, "", *keys])

    def _paragraphs(self) -> Iterator[tuple[str, str]]:
        """The style and the text of each line, before it is wrapped."""
        step = self.step
        phase = "forward" if isinstance(step, Forward) else "backward"
        yield "title", f"{phase} pass, step {step.number} of {len(self.trace.steps)}"
        yield "", ""
        yield "", step.equation.text
        if step.numbers is not None:
            yield "", f"  = {step.numbers.text}"
        elif isinstance(step, Backward):
            yield "", f"  {step.shapes}"
        yield from self._outcome()
        source = self.trace.nodes[step.node].source
        if source:
            yield "", f"line {source['line']}: {source['text']}"
        yield "", ""
        yield "title", "neighbours"
        yield from self._neighbours()
        yield "", ""
        yield "title", "gradients so far"
        known = [(k, g) for k, g in reversed(self.gradients.items()) if g is not None]
        so_far = [f"{self.trace.partial(k).text} = {brief(g)}" for k, g in known[:_MOST]]
        so_far += ["…"] * (len(known) > _MOST)
        yield "", f"  {enumerated(so_far) or 'none yet'}"

    def _outcome(self) -> Iterator[tuple[str, str]]:
        step = self.step
        if isinstance(step, Forward):
            if step.numbers is None:
                yield "value", f"  {brief(step.value, 60)}"
            return
        name = self.trace.partial(self.step.target).text
        yield "gradient", f"{name}: {brief(step.before)} → {brief(step.after, 60)}"  # type: ignore[attr-defined]

    def _neighbours(self) -> Iterator[tuple[str, str]]:
        """The step's node, what it was made of, and what uses it."""
        node = self.trace.nodes[self.step.node]
        yield "", f"  {self._about(node.id)}"
        for x in dict.fromkeys(node.inputs):
            yield "", f"{'▸' if x == self.step.target else ' '}   of {self._about(x)}"
        for user in dict.fromkeys(self.users.get(node.id, ())):
            yield "", f"    used by {self._about(user)}"

    def _about(self, k: int) -> str:
        """A node in a line: its name, what computes it, its value and its gradient as far as they are known."""
        node = self.trace.nodes[k]
        parts = [node.name]
        if node.expression is not None:
            parts.append(node.expression.text)
        made = node.role != "operation" or not isinstance(self.step, Forward) or k <= self.step.node
        if made and self.trace.figures(k) is None:
            parts.append(brief(node.value))
        about, gradient = " = ".join(parts), self.gradients.get(k)
        return about if gradient is None else f"{about},  {self.trace.partial(k).text} = {brief(gradient)}"

    def why(self, index: str = "") -> str:
        """The gradient of the step's node explained: see `viz.why`."""
        node = self.trace.order[self.step.target]
        try:
            return str(why(node, self.trace, index=tuple(map(int, index.replace(",", " ").split())) if index else None))
        except (ArgumentError, ValueError) as error:
            return str(error)


# --- in the terminal ----------------------------------------------------------------------------------------------


def step(root: Node, gradient: Any = None) -> None:
    """Step through both passes in the terminal, key by key. Without a terminal, print them (see `viz.steps.tables`).

    Parameters
    ----------
    root, gradient : as in `trace`.
    """
    told = trace(root, gradient)
    if not terminal.is_interactive():
        print(told)
        return
    with terminal.keyboard() as key:
        _Session(Stepper(told), key).run()


class _Session:
    """The stepper at the keyboard."""

    def __init__(self, stepper: Stepper, key: Callable[[Callable[[], None]], str]) -> None:
        self.stepper = stepper
        self.key = key
        self.note = ""

    def draw(self) -> None:
        width, height = shutil.get_terminal_size()
        terminal.show(self.stepper.screen(width, height, painter(sys.stdout), self.note))

    def run(self) -> None:
        """Handle the keys, until one of them quits."""
        stepper = self.stepper
        moves = {
            **dict.fromkeys(["n", "right", " ", "enter", "down"], lambda: stepper.go(stepper.place + 1)),
            **dict.fromkeys(["b", "left", "backspace", "up"], lambda: stepper.go(stepper.place - 1)),
            **dict.fromkeys(["f", "home"], lambda: stepper.go(0)),
            "r": lambda: stepper.go(len(stepper.trace.operations)),
            "end": lambda: stepper.go(len(stepper.trace.steps)),
            "j": self.jump,
            "w": self.why,
        }
        try:
            while (pressed := self.key(self.draw)) not in ("q", "quit", "escape"):
                self.note = ""
                moves.get(pressed.lower(), lambda: None)()
        except KeyboardInterrupt:
            return

    def jump(self) -> None:
        where = self.ask("jump to which node or step? ")
        self.note = self.stepper.jump(where) if where else ""

    def why(self) -> None:
        data = self.stepper.trace.values[self.stepper.step.target]
        many = not isinstance(data, float) and data.size != 1
        index = self.ask(f"which entry of shape {data.shape}, for instance 0,0? ") if many else ""
        says = self.stepper.why(index)

        def draw() -> None:
            width, height = shutil.get_terminal_size()
            lines = [part for line in says.splitlines() for part in wrapped(line, width, 6).splitlines()]
            terminal.show("\n".join([*lines[: height - 2], "", "any key goes back"]))

        self.key(draw)

    def ask(self, question: str) -> str:
        """A line that the user types at the bottom of the screen; "" if it is cancelled."""
        typed = ""
        while True:
            self.note = f"{question}{typed}_"
            pressed = self.key(self.draw)
            if pressed in ("enter", "escape", "quit"):
                self.note = ""
                return typed if pressed == "enter" else ""
            typed = typed[:-1] if pressed == "backspace" else typed + pressed if len(pressed) == 1 else typed
