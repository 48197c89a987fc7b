"""Names from other libraries: the error says what there is here."""

import importlib
import re

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, nn
from tinygrad_edu.support.other_libraries import TABLE, advice

CLASSES = {"Tensor": Tensor, "Module": nn.Module}


def holder(place):
    return CLASSES[place] if place in CLASSES else importlib.import_module(place)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.place}.{row.name}")
def test_a_name_of_another_library_is_answered(row):
    said = f"has no attribute {row.name!r}. {row.library}'s {row.name} is here"
    with pytest.raises(AttributeError, match=re.escape(said)):
        getattr(holder(row.place), row.name)
    assert not hasattr(holder(row.place), row.name)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.place}.{row.name}")
def test_what_the_answer_names_is_there(row):
    text = row.here.replace("instead of nn.utils", "")
    for package, path in re.findall(r"\b(nn|optim|train|viz|tinygrad_edu)\.(\w+(?:\.\w+)*)", text):
        found = importlib.import_module(package if package in ("viz", "tinygrad_edu") else f"tinygrad_edu.{package}")
        for name in path.split("."):
            found = getattr(found, name)


def test_the_known_examples():
    assert advice("tinygrad_edu.nn", "CrossEntropyLoss").endswith("nn.functional.cross_entropy")
    with pytest.raises(AttributeError, match="manual_seed is here: rng="):
        tinygrad_edu.manual_seed
    with pytest.raises(AttributeError, match=r"Keras's Dense is here: nn\.Linear"):
        nn.Dense
    assert advice("tinygrad_edu.nn", "NoSuchThing") == ""


def test_completion_does_not_offer_the_names_that_are_not_there():
    for x in (Tensor([1.0]), nn.Linear(1, 1)):
        assert not [row.name for row in TABLE if row.name in dir(x) and not hasattr(x, row.name)]
    assert {"reshape", "data", "backward"} <= set(dir(Tensor([1.0])))

    class Net(nn.Linear):
        def fit(self):
            return self

    net = Net(1, 1)
    net.cuda = True
    assert {"fit", "cuda", "weight", "forward"} <= set(dir(net))
    assert "cpu" not in dir(net)


def test_an_object_may_have_the_name_all_the_same():
    class Net(nn.Module):
        def __init__(self):
            self.children = [nn.Linear(1, 1)]

        def predict(self, x):
            return x

    net = Net()
    assert len(net.parameters()) == 2
    assert net.predict(3) == 3
    t = Tensor(np.zeros(2))
    with pytest.raises(AttributeError, match=r"'Tensor' object has no attribute 'view'\. PyTorch's view is"):
        t.view(2, 1)
