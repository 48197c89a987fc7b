"""`Checkpoint`: a run that was killed continues as if nothing had happened."""

import hashlib
import json
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.errors import FileError, TinygradEduError
from tinygrad_edu.serialization import load, save
from tinygrad_edu.support.arguments import whole_number
from tinygrad_edu.train.callbacks import Callback, Run
from tinygrad_edu.train.preserved import generators_of


class CheckpointError(TinygradEduError, ValueError):
    """A file that is not a checkpoint of this run."""


class Checkpoint(Callback):
    """Keep the whole state of a run in a file, and continue from it when the run is started again.

    The state has the weights and buffers, the optimizer, the schedule, the epoch, the history, and the state of other
    callbacks. It also has all random generators: the run's, and those of modules such as Dropout. The file is never
    incomplete: a new one replaces it at once after an epoch. A run that was killed and started again gives exactly the
    same bytes as a run that was not killed.

    Parameters
    ----------
    path : the file, in safetensors format. If it exists when the run starts, the run continues from it.
    every : the number of epochs after which the state is saved. It is always saved after the last epoch.

    Raises
    ------
    CheckpointError : the file is damaged, or belongs to another run. The model, the optimizer, the schedule, the loss,
        the batch size, the seed and the number of samples must be the same. The message names the difference, and
        nothing is changed.
    FileError : its folder does not exist.

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
            self._restore(run, dict(load(self.path)))
        elif not self.path.absolute().parent.is_dir():  # better now than after the first epoch
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
            "setup": _setup(run),
            "generators": {name: generator.bit_generator.state for name, generator in _generators(run).items()},
        }
        for part, holder in _holders(run):
            for name, entry in holder.state_dict().items():
                if isinstance(entry, np.ndarray):
                    arrays[f"{part}/{name}"] = entry
                else:
                    plain[f"{part}/{name}"] = entry
        text = json.dumps(plain, default=_jsonable).encode()
        arrays |= {"run": np.frombuffer(text, dtype=np.uint8)}
        return arrays | {"checksum": _checksum(arrays)}

    def _restore(self, run: Run, arrays: dict[str, Any]) -> None:
        checksum = arrays.pop("checksum", None)  # files of older versions have none
        if checksum is not None and not np.array_equal(checksum, _checksum(arrays)):
            raise CheckpointError(f"{self.path} is damaged, its checksum is wrong: delete it, or take an older copy")
        try:
            plain = dict(json.loads(bytes(arrays["run"])))
            epoch, stop, saved, random_states = (plain.pop(key) for key in ("epoch", "stop", "parts", "generators"))
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(
                f"{self.path} holds no checkpoint of a run: delete it, or give another path"
            ) from None
        self._compare(plain.pop("setup", {}), _setup(run))
        state = dict(arrays) | plain
        parts = _holders(run)
        generators = _generators(run)
        if saved != [part for part, _ in parts] or random_states.keys() != generators.keys():
            raise CheckpointError(
                f"{self.path} is the checkpoint of another run, with other callbacks or modules: delete it to start "
                "again, or give another path"
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

    def _compare(self, saved: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
        """Raise if the saved run was set up in another way."""
        for what in saved.keys() & mine.keys():
            if saved[what] != mine[what]:
                old, new = saved[what], mine[what]
                if isinstance(old, list) and isinstance(new, list):  # lists of lines: show the first that differ
                    old, new = next((a, b) for a, b in zip_longest(old, new, fillvalue="nothing") if a != b)
                raise CheckpointError(
                    f"{self.path} is the checkpoint of a run with another {what}: {old}, and here {new}. Delete it to "
                    "start again, or give another path"
                )


def _setup(run: Run) -> dict[str, Any]:
    """What must be the same when a run continues, in words and numbers."""
    schedule = None if run.schedule is None else [type(run.schedule).__name__, *_settings(run.schedule)]
    return {
        "model": [" ".join(line.split()) for line in repr(run.model).splitlines()],
        "optimizer": type(run.optimizer).__name__,
        "schedule": schedule,
        **run.setup,
    }


def _settings(schedule: Any) -> list[str]:
    """The settings of a schedule, without its progress."""
    moving = {*getattr(schedule, "entries", ()), "last_lr", "chained"}
    return [
        f"{name}={value}"
        for name, value in sorted(vars(schedule).items())
        if name not in moving and isinstance(value, int | float | str | list | tuple)
    ]


def _checksum(arrays: Mapping[str, Any]) -> Any:
    """SHA-256 of names, types, shapes and bytes, as an array."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {np.shape(arrays[name])} ".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _holders(run: Run) -> list[tuple[str, Any]]:
    """The parts that have a state, with names. The model is first, because it is the one that most often differs."""
    holders = [("model", run.model), ("optimizer", run.optimizer), ("history", run.history)]
    if run.schedule is not None:
        holders.append(("schedule", run.schedule))
    remembering = [c for c in run.callbacks if type(c).state_dict is not Callback.state_dict]
    return holders + [(f"callback.{i}.{type(c).__name__}", c) for i, c in enumerate(remembering)]


def _generators(run: Run) -> dict[str, np.random.Generator]:
    return {"rng": run.rng, **generators_of(run.model)}


def _jsonable(entry: Any) -> Any:
    """NumPy's numbers as numbers of Python."""
    return entry.item() if isinstance(entry, np.generic) else list(entry)
