"""`Checkpoint`: a run that is killed at any moment goes on as if nothing had happened."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import FileError, TinygradEduError
from tinygrad_edu.serialization import load, save
from tinygrad_edu.support.arguments import whole_number
from tinygrad_edu.train.callbacks import Callback, Run
from tinygrad_edu.train.preserved import generators_of


class CheckpointError(TinygradEduError, ValueError):
    """A checkpoint of another run."""


class Checkpoint(Callback):
    """Keep everything that a run consists of in a file, and go on from it when the run is started again.

    That is the weights and buffers, the optimizer's and the schedule's state, the states of all random generators (the
    run's and those of modules such as Dropout), the epoch, the history and what other callbacks remember. The file is
    replaced in one go after an epoch, so it is whole at every moment: a run that was killed and started again ends
    with exactly the bytes of one that was not.

    Parameters
    ----------
    path : the file, in safetensors format. If it is there when the run starts, the run goes on from it.
    every : epochs between two savings; the last is always saved.

    Raises
    ------
    CheckpointError : the file does not belong to a run like this one. Nothing is changed then.
    FileError : its folder is not there.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_edu import nn, optim, train
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> def run(epochs):
    ...     net = nn.MLP(2, [4, 2], rng=np.random.default_rng(0))
    ...     return train.fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optim.Adam(net.parameters()),
    ...                      epochs=epochs, callbacks=[train.Checkpoint(path)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.safetensors"
    ...     first, whole = run(epochs=3), run(epochs=5)  # the second goes on from the first's third epoch
    >>> whole["loss"][:3] == first["loss"], whole.epochs
    (True, 5)
    """

    def __init__(self, path: str | Path, every: int = 1) -> None:
        self.path = Path(path)
        self.every = whole_number("Checkpoint: every", every)

    def on_start(self, run: Run) -> None:
        if self.path.exists():
            self._restore(run, load(self.path))
        elif not self.path.absolute().parent.is_dir():  # found out now, not after the first epoch
            raise FileError(
                f"the checkpoint {str(self.path)!r} cannot be written: there is no such folder, make it first"
            )

    def on_recorded(self, run: Run) -> None:
        if run.epoch % self.every == 0 or run.epoch == run.epochs or run.stop:
            save(self.path, self._state(run))

    def _state(self, run: Run) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        plain: dict[str, Any] = {
            "epoch": run.epoch,
            "stop": run.stop,
            "parts": [part for part, _ in _holders(run)],
            "generators": {name: generator.bit_generator.state for name, generator in _generators(run).items()},
        }
        for part, holder in _holders(run):
            for name, entry in holder.state_dict().items():
                if isinstance(entry, np.ndarray):
                    arrays[f"{part}/{name}"] = entry
                else:
                    plain[f"{part}/{name}"] = entry
        text = json.dumps(plain, default=_jsonable).encode()
        return arrays | {"run": np.frombuffer(text, dtype=np.uint8)}

    def _restore(self, run: Run, arrays: Mapping[str, Any]) -> None:
        try:
            plain = dict(json.loads(bytes(arrays["run"])))
            epoch, stop, saved, random_states = (plain.pop(key) for key in ("epoch", "stop", "parts", "generators"))
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(
                f"{self.path} holds no checkpoint of a run: delete it, or give another path"
            ) from None
        state = dict(arrays) | plain
        parts = _holders(run)
        generators = _generators(run)
        if saved != [part for part, _ in parts] or random_states.keys() != generators.keys():
            raise CheckpointError(
                f"{self.path} is the checkpoint of another run, with other callbacks or modules: delete it to start "
                "anew, or give another path"
            )
        before = [(holder, holder.state_dict()) for _, holder in parts]
        try:
            for part, holder in parts:
                prefix = f"{part}/"
                holder.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        except TinygradEduError:
            for holder, kept in before:
                holder.load_state_dict(kept)
            raise
        for name, generator in generators.items():
            generator.bit_generator.state = random_states[name]
        run.epoch, run.stop = epoch, stop


def _holders(run: Run) -> list[tuple[str, Any]]:
    """What has a state, by name; the model first, because it is what most likely does not fit."""
    holders = [("model", run.model), ("optimizer", run.optimizer), ("history", run.history)]
    if run.schedule is not None:
        holders.append(("schedule", run.schedule))
    remembering = [c for c in run.callbacks if type(c).state_dict is not Callback.state_dict]
    return holders + [(f"callback.{i}.{type(c).__name__}", c) for i, c in enumerate(remembering)]


def _generators(run: Run) -> dict[str, np.random.Generator]:
    return {"rng": run.rng, **generators_of(run.model)}


def _jsonable(entry: Any) -> Any:
    """Numbers of NumPy's as Python's own."""
    return entry.item() if isinstance(entry, np.generic) else list(entry)
