"""`compile`: whatever changes outside between two calls is followed, refused or caught. It is never silently old."""

import array
import bisect
import collections
import contextvars
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import importlib
import itertools
import json
import os
import random
import sys
import time
import types
import uuid
import weakref

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.compiler import CompileError

HERE = sys.modules[__name__]
X = np.array([1.0, 2.0])
NUMBER, TEXT, FLAG, TUPLE, ARRAY = 0.0, "0", 0, (0.0, 1), np.zeros(2)
CONTEXT = contextvars.ContextVar("CONTEXT", default=0.0)


class Mode(enum.Enum):
    A = 1
    B = 2


@dataclasses.dataclass
class Settings:
    rate: float = 0.0
    parts: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    rate: float


class Slots:
    __slots__ = ("rate",)


class Shared:
    rate = 0.0


class Lazy:
    def __getattr__(self, name):
        if name == "rate":
            return self.__dict__["held"]["rate"]
        raise AttributeError(name)


class Described:
    @property
    def rate(self):
        return self._rate


class Scaled:
    def by(self, x):
        return x * 0.0

    @staticmethod
    def plainly(x):
        return x * 0.0

    @property
    def rate(self):
        return 0.0

    @functools.cached_property
    def kept(self):
        return NUMBER

    def __eq__(self, other):
        return other == 0


class Indexed:
    def __init__(self):
        self.held = {}

    def __getitem__(self, key):
        return self.held[key]


class Called:
    def __init__(self):
        self.k = 0.0

    def __call__(self, x):
        return x * self.k


def counted_by(source):
    """A kind that moves by itself with every call."""
    return lambda w: lambda x: x * source(), None


def closure():
    k = 0.0

    def put(i):
        nonlocal k
        k = float(i)

    return (lambda x: x * k), put


def scaled(x, rate=0.0):
    return x * rate


def scaled_by_keyword(x, *, rate=0.0):
    return x * rate


@functools.lru_cache
def remembered():
    return NUMBER


def put_remembered(w, i):
    put_global("NUMBER", float)(w, i)
    remembered.cache_clear()


def put_kept(w, i):
    put_global("NUMBER", float)(w, i)
    vars(w.scaled).pop("kept", None)


def put_global(name, make):
    return lambda w, i: setattr(HERE, name, make(i))


def world():
    """Everything that may change, new for each test."""
    w = types.SimpleNamespace(
        settings=Settings(), slots=Slots(), lazy=Lazy(), described=Described(), indexed=Indexed(), called=Called()
    )
    w.scaled, w.scaled_by = Scaled(), lambda x: x * 0.0
    w.cast = memoryview(bytearray(8)).cast("d")
    w.other, w.learned = Tensor([1.0, 1.0]), Tensor([1.0, 1.0])
    w.learned.grad = np.ones(2)
    w.slots.rate = w.described._rate = 0.0
    w.lazy.__dict__["held"] = {"rate": 0.0}
    w.indexed.held[0] = 0.0
    w.items, w.table, w.deque, w.names = [0.0, 1.0], {"k": 0.0}, collections.deque([0.0]), {"a"}
    w.default, w.counter, w.packed = collections.defaultdict(float), collections.Counter(), array.array("d", [0.0])
    w.bytes, w.chain = bytearray(b"\0"), collections.ChainMap({"k": 0.0})
    w.nested = {"a": [{"b": (0.0,)}]}
    w.array, w.in_list, w.view = np.zeros(2), [np.zeros(2)], np.zeros((2, 2))[0]
    w.zero = np.array(0.0)
    w.tensor, w.frozen, w.value = Tensor([0.0, 0.0]), Tensor([0.0, 0.0], requires_grad=False), Value(0.0)
    w.net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Dropout(0.5, rng=0))
    w.norm = nn.BatchNorm1d(2)
    w.optimizer = optim.SGD([w.tensor], lr=1.0)
    w.closure, w.put = closure()
    w.partial = functools.partial(lambda x, k: x * k, k=0.0)
    w.iterator, w.cycle = iter(range(100)), itertools.cycle([1.0, 2.0])
    w.rng, w.old, w.own = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)
    w.object, w.choice, w.mode = Frozen(0.0), (lambda x: x * 0.0), Mode.A
    w.decimal, w.fraction, w.date = decimal.Decimal(0), fractions.Fraction(0), datetime.timedelta(0)
    w.complex, w.nothing, w.generic = 0j, None, np.float64(0.0)
    w.ordered, w.proxy = [0.0], types.MappingProxyType({"k": 0.0})
    w.reference = weakref.ref(w.settings)
    w.method = types.MethodType(lambda self, x: x * self.rate, w.settings)
    return w


def set_in(name, make=float):
    return lambda w, i: setattr(w, name, make(i))


KINDS = {
    "a global number": (lambda w: lambda x: x * NUMBER, put_global("NUMBER", float)),
    "a global text": (lambda w: lambda x: x * float(TEXT), put_global("TEXT", str)),
    "a global flag": (lambda w: lambda x: x * 2 if FLAG % 2 else x, put_global("FLAG", int)),
    "a global tuple": (lambda w: lambda x: x * TUPLE[0], put_global("TUPLE", lambda i: (float(i), 1))),
    "a global array, exchanged": (lambda w: lambda x: x + ARRAY, put_global("ARRAY", lambda i: np.full(2, i * 1.0))),
    "a global by globals()": (lambda w: lambda x: x * globals()["NUMBER"], put_global("NUMBER", float)),
    "a global by getattr": (lambda w: lambda x: x * getattr(HERE, "NUMBER"), put_global("NUMBER", float)),  # noqa: B009
    "a global by a made-up name": (lambda w: lambda x: x * getattr(HERE, "NUM" + "BER"), put_global("NUMBER", float)),
    "a closure": (lambda w: w.closure, lambda w, i: w.put(i)),
    "an attribute": (lambda w: lambda x: x * w.settings.rate, lambda w, i: setattr(w.settings, "rate", float(i))),
    "an attribute by vars()": (
        lambda w: lambda x: x * vars(w.settings)["rate"],
        lambda w, i: setattr(w.settings, "rate", float(i)),
    ),
    "a slot": (lambda w: lambda x: x * w.slots.rate, lambda w, i: setattr(w.slots, "rate", float(i))),
    "a class attribute": (lambda w: lambda x: x * Shared.rate, lambda w, i: setattr(Shared, "rate", float(i))),
    "__getattr__": (lambda w: lambda x: x * w.lazy.rate, lambda w, i: w.lazy.held.update(rate=float(i))),
    "a property": (lambda w: lambda x: x * w.described.rate, lambda w, i: setattr(w.described, "_rate", float(i))),
    "__getitem__": (lambda w: lambda x: x * w.indexed[0], lambda w, i: w.indexed.held.update({0: float(i)})),
    "__call__": (lambda w: lambda x: w.called(x), lambda w, i: setattr(w.called, "k", float(i))),
    "an item of a list": (lambda w: lambda x: x * w.items[0], lambda w, i: w.items.__setitem__(0, float(i))),
    "the length of a list": (lambda w: lambda x: x * len(w.items), lambda w, i: w.items.append(1.0)),
    "the sum of a list": (lambda w: lambda x: x * sum(w.items), lambda w, i: w.items.append(1.0)),
    "the order of a list": (lambda w: lambda x: x * w.items[0], lambda w, i: w.items.reverse()),
    "an entry of a dict": (lambda w: lambda x: x * w.table["k"], lambda w, i: w.table.update(k=float(i))),
    "a key of a dict": (lambda w: lambda x: x * len(w.table), lambda w, i: w.table.update({i: 1.0})),
    "a deque": (lambda w: lambda x: x * w.deque[0], lambda w, i: w.deque.appendleft(float(i))),
    "a set": (lambda w: lambda x: x * len(w.names), lambda w, i: w.names.add(i)),
    "a defaultdict": (lambda w: lambda x: x * w.default["k"], lambda w, i: w.default.update(k=float(i))),
    "a Counter": (lambda w: lambda x: x * w.counter["k"], lambda w, i: w.counter.update("k")),
    "a ChainMap": (lambda w: lambda x: x * w.chain["k"], lambda w, i: w.chain.maps[0].update(k=float(i))),
    "an array.array": (lambda w: lambda x: x * w.packed[0], lambda w, i: w.packed.__setitem__(0, float(i))),
    "a bytearray": (lambda w: lambda x: x * w.bytes[0], lambda w, i: w.bytes.__setitem__(0, i)),
    "something nested": (
        lambda w: lambda x: x * w.nested["a"][0]["b"][0],
        lambda w, i: w.nested["a"].__setitem__(0, {"b": (float(i),)}),
    ),
    "a mapping proxy": (
        lambda w: lambda x: x * w.proxy["k"],
        set_in("proxy", lambda i: types.MappingProxyType({"k": i})),
    ),
    "an array's numbers": (lambda w: lambda x: x + w.array, lambda w, i: w.array.fill(i)),
    "an array's sum": (lambda w: lambda x: x * w.array.sum(), lambda w, i: w.array.fill(i)),
    "one number of an array": (lambda w: lambda x: x * w.array[0], lambda w, i: w.array.fill(i)),
    "an array in a list": (lambda w: lambda x: x + w.in_list[0], lambda w, i: w.in_list[0].fill(i)),
    "a view's numbers": (lambda w: lambda x: x + w.view, lambda w, i: w.view.base.fill(i)),
    "an array of no axes": (lambda w: lambda x: x * w.zero, lambda w, i: w.zero.fill(i)),
    "NumPy's number": (lambda w: lambda x: x * w.generic, set_in("generic", np.float64)),
    "a Tensor's data, written": (lambda w: lambda x: x * w.tensor, lambda w, i: w.tensor.data.fill(i)),
    "a Tensor's data, assigned": (
        lambda w: lambda x: x * w.tensor,
        lambda w, i: setattr(w.tensor, "data", np.full(2, float(i))),
    ),
    "a Tensor, exchanged": (lambda w: lambda x: x * w.tensor, set_in("tensor", lambda i: Tensor([float(i)] * 2))),
    "a frozen Tensor": (lambda w: lambda x: x * w.frozen, lambda w, i: w.frozen.data.fill(i)),
    "a Value's data": (lambda w: lambda x: x * w.value.data, lambda w, i: setattr(w.value, "data", float(i))),
    "requires_grad": (
        lambda w: lambda x: x * float(w.tensor.requires_grad),
        lambda w, i: setattr(w.tensor, "requires_grad", i % 2 == 0),
    ),
    "a module's mode": (lambda w: lambda x: w.net(x.reshape(1, 2)), lambda w, i: w.net.train(i % 2 == 0)),
    "a module's mode, read": (
        lambda w: lambda x: x * 2 if w.norm.training else x,
        lambda w, i: w.norm.train(i % 2 == 0),
    ),
    "whether there is a gradient": (
        lambda w: lambda x: x if w.tensor.grad is None else x * 2,
        lambda w, i: setattr(w.tensor, "grad", None if i % 2 else np.ones(2)),
    ),
    "a gradient that was there": (
        lambda w: lambda x: x if w.learned.grad is None else x * 2,
        lambda w, i: setattr(w.learned, "grad", None),
    ),
    "a module's weight": (
        lambda w: lambda x: w.net.layers[0](x.reshape(1, 2)),
        lambda w, i: w.net.layers[0].weight.data.fill(i),
    ),
    "a module's part": (
        lambda w: lambda x: w.net.layers[0](x.reshape(1, 2)),
        lambda w, i: w.net.layers.__setitem__(0, nn.Linear(2, 2, rng=i)),
    ),
    "a module's buffer": (
        lambda w: lambda x: w.norm.eval()(x.reshape(1, 2)),
        lambda w, i: w.norm.running_mean.fill(i),
    ),
    "an optimizer's rate": (lambda w: lambda x: x * w.optimizer.lr, lambda w, i: setattr(w.optimizer, "lr", float(i))),
    "an optimizer's setting": (
        lambda w: lambda x: x * w.optimizer.momentum,
        lambda w, i: setattr(w.optimizer, "momentum", i / 10),
    ),
    "a partial's argument": (
        lambda w: lambda x: w.partial(x),
        lambda w, i: w.partial.keywords.update(k=float(i)),
    ),
    "a frozen dataclass": (lambda w: lambda x: x * w.object.rate, set_in("object", lambda i: Frozen(float(i)))),
    "a function": (lambda w: lambda x: w.choice(x), set_in("choice", lambda i: lambda x: x * float(i))),
    "a default": (lambda w: lambda x, k=w.items: x * k[0], lambda w, i: w.items.__setitem__(0, float(i))),
    "an enumeration": (lambda w: lambda x: x * w.mode.value, set_in("mode", lambda i: list(Mode)[i % 2])),
    "a Decimal": (lambda w: lambda x: x * float(w.decimal), set_in("decimal", decimal.Decimal)),
    "a Fraction": (lambda w: lambda x: x * float(w.fraction), set_in("fraction", fractions.Fraction)),
    "a timedelta": (lambda w: lambda x: x * w.date.days, set_in("date", datetime.timedelta)),
    "a complex number": (lambda w: lambda x: x * w.complex.real, set_in("complex", complex)),
    "nothing, then something": (
        lambda w: lambda x: x if w.nothing is None else x * w.nothing,
        set_in("nothing", lambda i: float(i) if i % 2 else None),
    ),
    "an object behind a weak reference": (
        lambda w: lambda x: x * w.reference().rate,
        lambda w, i: setattr(w.settings, "rate", float(i)),
    ),
    "a bound method's object": (lambda w: lambda x: w.method(x), lambda w, i: setattr(w.settings, "rate", float(i))),
    "a sorted list": (
        lambda w: lambda x: x * bisect.bisect(w.ordered, 2.5),
        lambda w, i: bisect.insort(w.ordered, float(i)),
    ),
    "text of json": (lambda w: lambda x: x * json.loads(TEXT), put_global("TEXT", str)),
    "a generated name": (lambda w: lambda x: x * eval("NUMBER"), put_global("NUMBER", float)),  # noqa: S307
    "a method of a class": (
        lambda w: lambda x: w.scaled.by(x),
        lambda w, i: setattr(Scaled, "by", lambda self, x: x * float(i)),
    ),
    "a static method": (
        lambda w: lambda x: Scaled.plainly(x),
        lambda w, i: setattr(Scaled, "plainly", staticmethod(lambda x: x * float(i))),
    ),
    "a property, exchanged": (
        lambda w: lambda x: x * w.scaled.rate,
        lambda w, i: setattr(Scaled, "rate", property(lambda self: float(i))),
    ),
    "a cached property": (lambda w: lambda x: x * w.scaled.kept, put_kept),
    "a function with a memory": (lambda w: lambda x: x * remembered(), put_remembered),
    "__eq__": (
        lambda w: lambda x: x if w.scaled == 0 else x * 2,
        lambda w, i: setattr(Scaled, "__eq__", lambda self, other: False),
    ),
    "defaults, exchanged": (
        lambda w: lambda x: scaled(x),
        lambda w, i: setattr(scaled, "__defaults__", (float(i),)),
    ),
    "defaults of keywords": (
        lambda w: lambda x: scaled_by_keyword(x),
        lambda w, i: scaled_by_keyword.__kwdefaults__.update(rate=float(i)),
    ),
    "code, exchanged": (
        lambda w: lambda x: w.scaled_by(x),
        lambda w, i: setattr(w.scaled_by, "__code__", (lambda x: x * 7.0).__code__),
    ),
    "an attribute that hasattr misses": (
        lambda w: lambda x: x * w.settings.factor if hasattr(w.settings, "factor") else x,
        lambda w, i: setattr(w.settings, "factor", float(i)),
    ),
    "an attribute that getattr misses": (
        lambda w: lambda x: x * getattr(w.settings, "scale", 1.0),
        lambda w, i: setattr(w.settings, "scale", float(i)),
    ),
    "a memoryview": (lambda w: lambda x: x * w.cast[0], lambda w, i: w.cast.__setitem__(0, float(i))),
    "an optimizer's parameters": (
        lambda w: lambda x: x * sum(p.data.sum() for p in w.optimizer.params),
        lambda w, i: setattr(w.optimizer, "params", [w.other]),
    ),
    "numbers of a generator": (lambda w: lambda x: x * w.rng.random(), None),
    "numbers of a RandomState": (lambda w: lambda x: x * w.old.rand(), None),
    "numbers of random.Random": (lambda w: lambda x: x * w.own.random(), None),
    "an iterator": (lambda w: lambda x: x * next(w.iterator), None),
    "an endless iterator": (lambda w: lambda x: x * next(w.cycle), None),
    "the time": counted_by(time.perf_counter),
    "random.random": counted_by(random.random),
    "np.random": counted_by(lambda: np.random.rand()),  # noqa: NPY002
    "os.urandom": counted_by(lambda: os.urandom(1)[0]),
    "a uuid": counted_by(lambda: uuid.uuid4().int % 1000),
    "SystemRandom": counted_by(lambda: random.SystemRandom().random()),
    "the environment": (
        lambda w: lambda x: x * float(os.environ.get("COMPILED_RATE", "0")),
        lambda w, i: os.environ.update(COMPILED_RATE=str(i)),
    ),
    "a context variable": (lambda w: lambda x: x * CONTEXT.get(), lambda w, i: CONTEXT.set(float(i))),
    "another module's number": (
        lambda w: lambda x: x * importlib.import_module(__name__).NUMBER,
        put_global("NUMBER", float),
    ),
}


# What no program follows: a change is caught at the second call, and with verify="always" at every call.
FIXED = {"the environment", "a context variable", "another module's number"}


@pytest.fixture
def same_afterwards(monkeypatch):
    for name in ("NUMBER", "TEXT", "FLAG", "TUPLE", "ARRAY"):  # put back afterwards
        monkeypatch.setattr(HERE, name, getattr(HERE, name))
    monkeypatch.setattr(Shared, "rate", 0.0)
    for name in ("by", "plainly", "rate", "__eq__"):
        monkeypatch.setattr(Scaled, name, vars(Scaled)[name])
    monkeypatch.setattr(scaled, "__defaults__", (0.0,))
    monkeypatch.setattr(scaled_by_keyword, "__kwdefaults__", {"rate": 0.0})
    monkeypatch.setenv("COMPILED_RATE", "0")
    remembered.cache_clear()
    token = CONTEXT.set(0.0)
    yield
    CONTEXT.reset(token)


@pytest.mark.usefixtures("same_afterwards")
@pytest.mark.filterwarnings("ignore::tinygrad_edu.compiler.errors.CompileWarning")
@pytest.mark.parametrize("first", [1, 4], ids=["at once", "after some calls"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_followed_refused_or_caught(kind, first):
    (make, change), w = KINDS[kind], world()
    function = make(w)
    late = first > 1 and kind in FIXED
    compiled = tinygrad_edu.compile(function, verify="always" if late else "first")
    if change is None:  # it moves by itself
        with pytest.raises(CompileError):
            [compiled(X) for _ in range(3)]
        return
    for i in range(1, 7):
        if i >= first:
            change(w, i)
        try:
            found = compiled(X)
        except CompileError:
            return  # refused, or caught
        with tinygrad_edu.no_grad():
            expected = function(X)
        if kind == "a module's mode" and (i % 2 == 0 or i < first):
            continue  # Dropout has drawn other numbers
        np.testing.assert_array_equal(np.asarray(getattr(found, "data", found)), getattr(expected, "data", expected))
    assert not late, "a change of what is fixed was not caught"
