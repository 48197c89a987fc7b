"""`viz.steps.modules`: which module call each node belongs to."""

import hypothesis.strategies as st
from hypothesis import given

from tinygrad_edu import Value
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.graph.scope import Mark, Scope
from viz.steps.modules import module_calls
from viz.steps.repeats import groups_of


class Module:
    """Calls ``body(*inputs)`` and notes on what it returns what `nn.Module` notes."""

    def __init__(self, name, body):
        self.scope = Scope(name, name.title())
        self.body = body

    def __call__(self, *inputs):
        outputs = self.body(*inputs)
        for y in outputs if isinstance(outputs, list) else [outputs]:
            y._marks = (*y.marks, Mark(self.scope, inputs))
        return outputs


def linear(name):
    w, b = Value(2.0, f"{name}.w"), Value(1.0, f"{name}.b")
    return Module(name, lambda x: x * w + b)


def homes(root):
    """Label or operation of each node → the names of the modules around it."""
    modules = module_calls(topological_order(root))
    return {
        node.label or node.op: [call.scope.name for call in home.path()]
        for node, home in zip(modules.order, modules.home, strict=True)
    }


def calls(root):
    return [call.scope.name for call in module_calls(topological_order(root)).calls]


def test_what_lies_between_inputs_and_output_belongs_to_the_call():
    first, relu = linear("first"), Module("relu", lambda x: x.relu())
    net = Module("net", lambda x: relu(first(x)))
    x = Value(1.0, "x")
    assert homes(net(x).exp()) == {
        "x": [],
        "first.w": ["net", "first"],
        "first.b": ["net", "first"],
        "mul": ["net", "first"],
        "add": ["net", "first"],
        "relu": ["net", "relu"],
        "exp": [],
    }


def test_a_module_called_twice_is_two_calls_that_share_its_parameters():
    layer, x = linear("layer"), Value(1.0, "x")
    root = layer(x) * layer(x)
    modules = module_calls(topological_order(root))
    assert [call.scope.name for call in modules.calls] == ["layer", "layer"]
    w = [node.label for node in modules.order].index("layer.w")
    assert modules.home[w].path() == []
    assert {*modules.users[w]} == {*modules.calls}
    assert modules.is_parameter(w)


def test_a_module_called_on_its_own_output_is_two_calls_beside_each_other():
    layer = linear("layer")
    modules = module_calls(topological_order(layer(layer(Value(1.0, "x")))))
    assert [[outer.scope.name for outer in call.path()] for call in modules.calls] == [["layer"], ["layer"]]


def test_a_parameter_that_a_penalty_uses_too_stays_in_its_module():
    w = Value(3.0, "w")
    y = Module("layer", lambda x: x * w)(Value(1.0, "x"))
    assert homes(y + w.abs())["w"] == ["layer"]


def test_an_interior_node_that_is_used_outside_stays_in_its_module():
    kept = []
    layer = Module("layer", lambda x: (kept.append(x.exp()), kept[0].tanh())[1])
    y = layer(Value(1.0, "x"))
    assert homes(y * kept[0]) == {"x": [], "exp": ["layer"], "tanh": ["layer"], "mul": []}


def test_a_module_that_returns_what_it_was_given_is_no_call():
    x = Value(1.0, "x").exp()
    y = Module("dropout", lambda x: x)(x)
    assert calls(y) == []
    assert homes(y.tanh()) == {"x": [], "exp": [], "tanh": []}


def test_a_call_with_several_outputs_is_one_call():
    w = Value(0.5, "w")
    gates = Module("gates", lambda x: [(x * w).tanh(), (x + w).exp()])
    a, b = gates(Value(1.0, "x"))
    assert calls(a - b) == ["gates"]
    assert homes(a - b)["w"] == ["gates"]


def test_an_output_inside_of_another_output_is_in_the_call_once():
    cell = Module("cell", lambda x: (lambda c: [c.tanh(), c])(x.exp()))
    h, c = cell(Value(1.0, "x"))
    assert homes(h * c) == {"x": [], "exp": ["cell"], "tanh": ["cell"], "mul": []}
    assert calls(h * c) == ["cell"]


def test_inputs_may_come_in_lists():
    xs = [Value(1.0, "x0"), [Value(2.0, "x1")]]
    neuron = Module("neuron", lambda xs: xs[0] * xs[1][0])
    assert homes(neuron(xs)) == {"x0": [], "x1": [], "mul": ["neuron"]}


def shown(modules, depth):
    groups = groups_of(modules, repeats=False)
    return groups.shown(modules.order, groups.boxes(depth, None))


def test_folding_hides_what_is_inside():
    first, second = linear("first"), linear("second")
    net = Module("net", lambda x: second(first(x)))
    x = Value(1.0, "x")
    modules = module_calls(topological_order(net(x)))
    assert modules.deepest == 2
    assert shown(modules, 2) == [*modules.order]
    by_name = {call.scope.name: call for call in modules.calls}
    assert {*shown(modules, 1)} == {x, by_name["first"], by_name["second"]}
    assert {*shown(modules, 0)} == {x, by_name["net"]}
    assert modules.parameter_counts(0) == {by_name["net"]: 4}
    assert modules.parameter_counts(1) == {by_name["first"]: 2, by_name["second"]: 2}
    assert modules.parameter_counts(2) == {}


def test_a_leaf_that_only_folded_calls_share_is_hidden_and_counted_in_each():
    layer = linear("layer")
    root = layer(Value(1.0, "x")) * layer(Value(2.0, "y"))
    modules = module_calls(topological_order(root))
    stands = dict(zip([node.label for node in modules.order], shown(modules, 0), strict=True))
    assert stands["layer.w"] is None
    assert stands["layer.b"] is None
    assert stands["x"].label == "x"
    assert [*modules.parameter_counts(0).values()] == [2, 2]


def test_a_shared_leaf_that_is_used_outside_too_is_shown():
    w = Value(3.0, "w")
    layer = Module("layer", lambda x: x * w)
    root = layer(Value(1.0, "x")) + layer(Value(2.0, "y")) + w
    modules = module_calls(topological_order(root))
    assert w in shown(modules, 0)


def test_a_constant_is_no_parameter():
    root = Module("double", lambda x: x * 2)(Value(1.0, "x"))
    modules = module_calls(topological_order(root))
    assert [modules.is_parameter(i) for i in range(3)] == [False] * 3


@st.composite
def programs(draw):
    """A root, and for each operation in it the calls that were running when it was made."""
    made = {}
    running = []
    weights = [Value(1.0, f"w{i}") for i in range(2)]

    def run(values, depth):
        """A few random statements; each uses what it can see."""
        for _ in range(draw(st.integers(1, 4))):
            x, y = (draw(st.sampled_from(values)) for _ in range(2))
            if depth < 3 and draw(st.booleans()):
                values = [*values, *call([x, y], depth)]
            else:
                values = [*values, x * y + draw(st.sampled_from(weights))]
                for node in (values[-1], values[-1].inputs[0]):
                    made[node] = [*running]
        return values

    def call(inputs, depth):
        running.append(object())
        module = Module(f"m{len(made)}", lambda *xs: run([*xs], depth + 1)[-draw(st.integers(1, 3)) :])
        outputs = module(*inputs)
        running.pop()
        return outputs

    return run([Value(1.0, "x")], 0)[-1], made


@given(programs())
def test_a_node_is_at_home_in_the_calls_that_were_running_when_it_was_made(program):
    root, made = program
    modules = module_calls(topological_order(root))
    found = {}
    for node, home in zip(modules.order, modules.home, strict=True):
        if node.operation is not None:
            assert len(home.path()) == len(made[node])
            for call, running in zip(home.path(), made[node], strict=True):
                assert found.setdefault(running, call) is call
    assert len({*found.values()}) == len(found)
