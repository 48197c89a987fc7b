"""Engine: the whole scalar engine on one page.

Five short parts: a node, recording, the order of the graph, the backward pass, and the operators, which are made from
the table of operations. `Value` is this engine, plus constants, error messages, higher derivatives and speed. A test
checks that both give the same bits, on random graphs of every operation.
"""

import inspect
import re
import sys

from tinygrad_edu import Value
from tinygrad_edu.operations.elementwise import TABLE


# 1. A node is one number. It knows the operation that made it and the inputs of that operation.
class Node:
    """A number in a graph. A leaf is a number that no operation made: it has no operation and no inputs."""

    def __init__(self, data, operation=None, inputs=(), params=None):
        self.data = float(data)
        self.grad = 0.0  # ∂root/∂self, after backward(root)
        self.operation = operation
        self.inputs = inputs
        self.params = params or {}


# 2. Recording: compute the number, and keep how it was computed.
def record(operation, *inputs, **params):
    """Return the node that ``operation`` makes of ``inputs``. A plain number becomes a leaf."""
    inputs = tuple(x if isinstance(x, Node) else Node(x) for x in inputs)
    params = operation.defaults | params
    y = operation.on_floats(*[x.data for x in inputs], **params)
    return Node(y, operation, inputs, params)


# 3. The order: each node comes after its inputs. A stack instead of recursion allows graphs of any depth.
def topological_order(root):
    """Return every node that ``root`` depends on, once, each after its inputs. The last one is ``root``."""
    order, entered, stack = [], set(), [(root, False)]
    while stack:
        node, inputs_are_in_order = stack.pop()
        if inputs_are_in_order:
            order.append(node)
        elif node not in entered:
            entered.add(node)
            stack.append((node, True))  # the node comes back after everything that is pushed now
            stack.extend((x, False) for x in reversed(node.inputs))
    return order


# 4. The backward pass: the chain rule, from the root to the leaves.
def backward(root):
    """Compute ∂root/∂node for every node that ``root`` depends on. Gradients of leaves add up over calls."""
    order = topological_order(root)
    earlier = {node: node.grad for node in order if node.operation is None}
    for node in order:
        node.grad = 0.0
    root.grad = 1.0  # ∂root/∂root
    for node in reversed(order):  # all nodes that use this one were visited before, so its gradient is complete
        if node.operation is not None:
            xs = [x.data for x in node.inputs]
            for x, derivative in zip(node.inputs, node.operation.gx_floats, strict=True):
                x.grad += derivative(node.grad, node.data, *xs, **node.params)  # a node used twice gets a sum
    for leaf, grad in earlier.items():
        leaf.grad += grad


# 5. The operators: one method for each row of the table. A row holds the formula of y and of each gradient.
def add_methods(row):
    """Give `Node` the method ``row.name``, and the operator of the row if it has one."""

    def method(self, *others, **params):
        return record(row, self, *others, **params)

    def reflected(self, other):  # 2 * node
        return record(row, other, self)

    setattr(Node, row.name, method)
    if row.operator:
        setattr(Node, f"__{row.operator}__", method)
        setattr(Node, f"__r{row.operator}__", reflected)


for row in TABLE.values():
    add_methods(row)


# 6. Try it.
def run() -> None:
    """Print the engine part by part, and run it on one expression beside `Value`."""
    for part in _parts():
        print(part)
        print()
    print("# One expression: L = tanh(a · b + a + c)\n")
    nodes, values = ([kind(x) for x in (2.0, -3.0, 4.5)] for kind in (Node, Value))
    L = expression(*nodes)
    backward(L)
    for i, node in enumerate(topological_order(L)):
        name = node.operation.name if node.operation else "leaf"
        print(f"node {i}  {name:5}  data {node.data:9.6f}  grad {node.grad:9.6f}")
    expression(*values).backward()
    same = [x.grad for x in nodes] == [x.grad for x in values]
    print(f"\nThe gradients of a, b and c are {'bit for bit those' if same else 'NOT those'} of Value.")
    print(f"One row of the table, tanh: y = {TABLE['tanh'].y_text}, gx = {TABLE['tanh'].gx_texts[0]}")


def expression(a, b, c):
    """``tanh(a · b + a + c)``. The node ``a`` is used twice, so its gradient is a sum of two products."""
    return (a * b + a + c).tanh()


def _parts() -> list[str]:
    """The parts of this file that are the engine, as text."""
    source = inspect.getsource(sys.modules[__name__])
    return [part.strip() for part in re.split(r"^(?=# \d\. )", source, flags=re.MULTILINE)[1:-1]]
