"""Random numbers that a function draws past the recorder: a replay would have the same ones every time."""

import functools
import pickle
import random
from collections.abc import Callable, Iterable, Set
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.compiler.guards import Guard

_UNKNOWN = frozenset(("urandom", "getrandom", "uuid1", "uuid4", "SystemRandom", "token_bytes", "randbelow"))


class Source:
    """A generator that a function can reach, and its state after the last draw that was recorded."""

    def __init__(self, called: str, get: Callable[[], Any], put: Callable[[Any], None]) -> None:
        self.called = called
        self.get = get
        self.put = put
        self.start = get()
        self.seen = pickle.dumps(self.start)
        self.missed = False

    def look(self) -> None:
        """Notice whether numbers were drawn since the last look."""
        now = pickle.dumps(self.get())
        self.missed |= now != self.seen
        self.seen = now


class Randomness:
    """All the sources of random numbers that a function can reach."""

    def __init__(self, found: Iterable[Guard] = (), names: Set[str] = frozenset()) -> None:
        self.sources: dict[int, Source] = {}
        if "random" in names:  # of a module that other threads may be using, too
            self.sources[id(random)] = Source("the module random", random.getstate, random.setstate)
            self.sources[id(np.random)] = Source("np.random", np.random.get_state, np.random.set_state)
        unknown = sorted(_UNKNOWN & names)
        if unknown:
            raise RecordingError(
                f"a compiled function cannot draw random numbers by {unknown[0]}, which cannot be repeated: draw them "
                "where the function is called, and pass them as an argument"
            )
        for guard in found:
            if isinstance(guard.value, random.SystemRandom):
                raise RecordingError(
                    f"a compiled function cannot draw random numbers from {guard.called}, a SystemRandom: draw them "
                    "where the function is called, and pass them as an argument"
                )
            generator = guard.value
            if isinstance(generator, np.random.RandomState):
                self.sources[id(generator)] = Source(guard.called, generator.get_state, generator.set_state)
            elif isinstance(generator, np.random.Generator):
                bits = generator.bit_generator
                get, put = functools.partial(getattr, bits, "state"), functools.partial(setattr, bits, "state")
                self.sources[id(generator)] = Source(guard.called, get, put)
            elif isinstance(generator, random.Random):
                self.sources[id(generator)] = Source(guard.called, generator.getstate, generator.setstate)

    def before_draw(self, generator: Any) -> None:
        """Numbers are about to be drawn; the program will draw new ones."""
        if id(generator) in self.sources:
            self.sources[id(generator)].look()

    def after_draw(self, generator: Any) -> None:
        """They were drawn."""
        if id(generator) in self.sources:
            source = self.sources[id(generator)]
            source.seen = pickle.dumps(source.get())

    def refuse_missed(self, name: str) -> None:
        """Refuse a function that has drawn numbers otherwise; the generators go back to where they were."""
        for source in self.sources.values():
            source.look()
        missed = [source.called for source in self.sources.values() if source.missed]
        if not missed:
            return
        for source in self.sources.values():
            source.put(source.start)
        raise RecordingError(
            f"{name} draws random numbers from {', '.join(missed)}, and a replay would have the same ones every time: "
            "draw them where the function is called, and pass them as an argument"
        )
