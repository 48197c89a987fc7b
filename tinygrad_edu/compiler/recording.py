"""Making a program of one call: the function runs once, on placeholders for its arguments.

What a replay would not do is refused here: keeping a number outside of the function, counting, drawing random numbers.
"""

import gc
import inspect
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compiler.checks import (
    Difference,
    State,
    first_difference,
    quantities,
    rounding_moves,
    state_places,
)
from tinygrad_edu.compiler.errors import CompileWarning, DisturbedError, RecordingError
from tinygrad_edu.compiler.guards import Guard
from tinygrad_edu.compiler.program import CALL, Program, Returned, Var
from tinygrad_edu.compiler.record import watched
from tinygrad_edu.compiler.record.names import TAKEN, Names, identifier, name_variables
from tinygrad_edu.compiler.record.outside import (
    arrays_in,
    fixed_values,
    look_outside,
    missing_gradients,
    outside_guards,
    put_back,
    refuse_side_effects,
)
from tinygrad_edu.compiler.record.randomness import Randomness
from tinygrad_edu.compiler.record.recorder import Recorder
from tinygrad_edu.compiler.record.traced import Traced, is_variable, value_of
from tinygrad_edu.compiler.record.watched import gradient_of
from tinygrad_edu.compiler.rewrite import optimize
from tinygrad_edu.compiler.run.frame import Outdated, Signature
from tinygrad_edu.compiler.run.interpreter import commit
from tinygrad_edu.compiler.run.machine import Machine
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient
from tinygrad_edu.graph.node import Node, raw_of
from tinygrad_edu.support.users_code import users_level
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value


class Call(NamedTuple):
    """The results of a recorded call."""

    given: list[tuple[Argument, Any]]  # the numbers and arrays among the arguments, and where each came from
    returned: Any  # a tree with variables in it
    first: Any  # the same with the numbers of this call
    left: list[tuple[Any, Var | None, Any]]  # places, with the variable and the value stored there
    touched: list[Any]  # the data, gradients and attributes that the function has met
    named: dict[Var, str]  # by the function's own variables


def record(
    function: Callable[..., Any], signature: inspect.Signature, leaves: list[Any], args: Any, keywords: Any
) -> tuple[Machine, Any]:
    """Run the function once; its program, ready to be run again, and its result."""
    with watched.RECORDING:
        try:
            return _record(function, signature, leaves, args, keywords)
        except RecordingError as error:
            lists = [name for name, x in signature.bind(*args, **keywords).arguments.items() if _is_list_of_numbers(x)]
            if not lists:
                raise
            raise RecordingError(
                f"{error}. {' and '.join(lists)} was given as a list, and each number in it is an argument: pass "
                + ", ".join(f"np.array({name})" for name in lists)
            ) from error


def _is_list_of_numbers(x: Any) -> bool:
    return isinstance(x, list) and len(x) > 0 and all(_is_list_of_numbers(y) or isinstance(y, int | float) for y in x)


def _record(
    function: Callable[..., Any], signature: inspect.Signature, leaves: list[Any], args: Any, keywords: Any
) -> tuple[Machine, Any]:
    found, words = look_outside(function, [*_objects((args, keywords))])
    recorder, arrays = Recorder(Randomness(found, words)), arrays_in(found)
    recorder.outside = {id(guard.value) for guard in found if guard.value is not None}
    call = _recorded(recorder, function, signature, args, keywords)
    name = identifier(getattr(function, "__name__", "").replace("<lambda>", "")) or "f"
    name += "_" * (name in TAKEN)
    writes = [(source, var) for source, var, _ in call.left]
    program = Program(name, recorder.inputs, recorder.lines, writes, call.returned)
    recorder.randomness.refuse_missed(name)
    if set(program.outputs()) <= recorder.fresh:
        raise RecordingError(
            f"{name} returned nothing that is computed from its arguments or parameters, so there is nothing to "
            "compile: return the result"
        )
    guards = [*recorder.flags, *outside_guards(found, recorder.lines, {*recorder.attributes})]
    guards = [*{(id(guard.owner), guard.name): guard for guard in guards}.values()]  # each once
    program = optimize.without_dead_code(optimize.simplified(program))

    def names() -> Names:
        return name_variables(recorder, program, call.named)

    refuse_side_effects(found, arrays, name)
    _refuse_what_is_kept(recorder, names, found)
    for source, value in recorder.started:
        source.set(value)
    all_plain = not keywords and all(x.__class__ is np.ndarray for x in args)
    machine = Machine(
        program,
        names,
        Signature(
            [source for source, _ in call.given],
            {i for i, (_, x) in enumerate(call.given) if isinstance(x, Node)},
            [(x.shape, x.dtype) for x in args] if all_plain else [],
        ),
        guards,
        recorder.owners,
        [_value(x) for _, x in call.given],
        state_places(program, [*call.touched, *(source for source, _ in recorder.started)]),
        [generator for generator, _ in recorder.drawn.values()],
        [*fixed_values(found), *missing_gradients(recorder.flags, program)],
    )
    validate(machine, recorder, call, leaves)
    return machine, call.first


def validate(machine: Machine, recorder: Recorder, call: Call, leaves: list[Any]) -> None:
    """Run the fast program and the printed one from the state before the call: both must give what the call gave.

    Afterwards everything is as the recorded call left it.
    """
    before = State(machine.changeable, leaves, machine.generators)
    before.generators = [*recorder.drawn.values()]
    commit(call.left, leaves)
    after = State(machine.changeable, leaves, machine.generators)
    expected = quantities(machine.recorded_program, call.first, after)

    def moved() -> Any:
        return rounding_moves(machine.recorded_program, machine.signature.arguments, before)

    def difference(run: Callable[..., Any], moves: Callable[[], Any] | None) -> Difference | None:
        before.restore()
        try:
            result = run(*leaves)
        except Outdated:
            return None  # the next call records it again
        except Exception as error:
            if moves is None and isinstance(error, ArithmeticError):
                unchecked.append(error)  # plain Python raises where the engine has inf and nan
                return None
            return Difference("the whole", "a result", f"{type(error).__name__}: {error}", None)
        found = State(machine.changeable, leaves, machine.generators)
        return first_difference(expected, quantities(machine.recorded_program, result, found), moves)

    unchecked: list[Exception] = []
    try:
        if machine.is_long:  # its lines are run as they were recorded: no text was generated
            return
        fast = difference(machine.run, moved)
        printed = difference(lambda *xs: machine.printed.run(*xs), None)
    finally:
        after.restore()
    if fast is None and printed is None:
        return
    if printed is not None:
        machine.misprinted = printed.words()
    if fast is not None and printed is None and not unchecked:
        machine.use_printed()
    elif fast is not None:
        machine.eager = True
    _warn(machine, fast, printed)


def _warn(machine: Machine, fast: Difference | None, printed: Difference | None) -> None:
    wrong = fast or printed
    assert wrong is not None
    if fast is None:
        what, then = "the printed source of", "the fast program is used, and source is refused"
    elif machine.eager:
        what, then = "the program of", "the function itself is called from now on"
    else:
        what, then = "the fast program of", "the printed source is run from now on"
    line = next((x for x in machine.recorded_program.lines if x.out is wrong.var), None)
    at = " ({}, line {})".format(*line.origin) if line is not None and line.origin[0] else ""
    warnings.warn(
        f"{what} {machine.recorded_program.name} is wrong: {wrong.words()}{at}; {then}. The results are right, only "
        "slower: please report the function",
        CompileWarning,
        stacklevel=users_level(),
    )


def _recorded(
    recorder: Recorder, function: Callable[..., Any], signature: inspect.Signature, args: Any, keywords: Any
) -> Call:
    """Call the function on placeholders."""
    order: list[tuple[Argument, Any, Any]] = []
    names = _argument_names(signature, len(args))
    with recorder.active():
        try:
            call = [_arguments(recorder, x, Argument(name), order) for name, x in zip(names, args, strict=False)]
            more = {k: _arguments(recorder, x, Argument(k), order) for k, x in keywords.items()}
            with recorder.local_names, recorder.local_names.locals_of(function) as local:
                result = function(*call, **more)
            _refuse_new_data(recorder, order)
            returned, first = _returned(recorder, result)
            gradients = [
                (ArgumentGradient(i), gradient_of(stand_in))
                for i, (_, given, stand_in) in enumerate(order)
                if isinstance(given, Node) and stand_in.operation is None and _has_gradient(stand_in)
            ]
        finally:
            touched = recorder.touched()
            writes = recorder.restore()
    if recorder.disturbed:
        raise DisturbedError(
            f"another thread changed {recorder.disturbed} while "
            f"{getattr(function, '__name__', 'the function')} was recorded: call it once before the other thread starts"
        )
    left = [(source, _variable(recorder, x), _value(x)) for source, x in [*writes, *gradients]]
    named = {recorder.operand(raw_of(x)): name for name, x in local.items() if is_variable(raw_of(x))}
    return Call([(source, given) for source, given, _ in order], returned, first, left, touched, named)


# --- arguments -------------------------------------------------------------------------------------------------------


def _stand_in(recorder: Recorder, source: Argument, x: Any) -> Any:
    """What the function sees instead of an argument."""
    hint = source.words()
    traced = recorder.input(source, raw_of(x), hint)
    stand_in: Any = traced
    if isinstance(x, Tensor):
        stand_in = Tensor(traced, requires_grad=x.requires_grad, label=x.label)
    if isinstance(x, Value):
        stand_in = Value(0.0, x.label)
        stand_in._data = traced
        recorder.created[id(stand_in)] = stand_in
    if isinstance(x, Node):
        recorder.arguments[id(x)] = hint
        if _has_gradient(x):
            recorder.with_gradient[id(stand_in)] = hint
    return stand_in


def _refuse_new_data(recorder: Recorder, order: list[tuple[Argument, Any, Any]]) -> None:
    """An argument's data is its giver's."""
    for source, given, stand_in in order:
        if not isinstance(given, Node):
            continue
        data = stand_in.raw
        if not is_variable(data) or recorder.inputs.get(data.variable) != source:
            raise RecordingError(
                f"the function changes the data of its argument {source.words()}, which a replay would not do: leave "
                "it out of the arguments, so that the function reaches it by itself, or return the new numbers"
            )


def _arguments(recorder: Recorder, tree: Any, source: Argument, order: list[tuple[Argument, Any, Any]]) -> Any:
    """The tree with placeholders; ``order`` notes them as `_form` meets the leaves."""
    if type(tree) in (tuple, list):
        return type(tree)([_arguments(recorder, x, source.at(i), order) for i, x in enumerate(tree)])
    if type(tree) is dict:
        return {k: _arguments(recorder, x, source.at(k), order) for k, x in tree.items()}
    if isinstance(tree, np.ndarray | np.generic | Node) or tree.__class__ is float:
        stand_in = _stand_in(recorder, source, tree)
        order.append((source, tree, stand_in))
        return stand_in
    return tree


def _objects(tree: Any) -> Iterator[Any]:
    """Arguments that belong to the form of a call."""
    if type(tree) in (tuple, list):
        for part in tree:
            yield from _objects(part)
    elif type(tree) is dict:
        yield from _objects(tuple(tree.values()))
    elif not isinstance(tree, np.ndarray | np.generic | Node):
        yield tree


def _argument_names(signature: inspect.Signature, count: int) -> list[str]:
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}_{i}" for i in range(count - len(names))]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return names + [f"argument_{i}" for i in range(len(names), count)]


# --- results, and what is left ---------------------------------------------------------------------------------------


def _has_gradient(x: Any) -> bool:
    grad = gradient_of(x)
    return grad is not None and not (isinstance(grad, float) and grad == 0.0)


def _variable(recorder: Recorder, x: Any) -> Var | None:
    """The variable whose value the function stored somewhere."""
    data = raw_of(x)
    if data is None:
        return None
    if is_variable(data):
        return recorder.operand(data)
    return recorder.emit(CALL, np.array, (value_of(data),), {}, np.array(value_of(data))).variable


def _value(x: Any) -> Any:
    value = value_of(raw_of(x))
    return value.copy() if isinstance(value, np.ndarray) else value


def _refuse_computed_parts(result: Any) -> None:
    """Refuse a container of another type, such as a named tuple or a dataclass, that holds what was computed."""
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, tuple | list | set) else ()
    fields = [getattr(result, name, None) for name in getattr(result, "__dataclass_fields__", ())]
    if any(isinstance(raw_of(x), Traced) for x in (*parts, *fields)):
        raise RecordingError(
            "a compiled function returns values, and tuples, lists and dicts of them, but this one returned an object "
            f"of the type {type(result).__name__} that holds computed values: return them as a tuple, and make the "
            "object where the function is called"
        )


def _returned(recorder: Recorder, result: Any) -> tuple[Any, Any]:
    """The result as a tree of variables, and the result of this call.

    An array of constants that the function made is made again by every call, so that no two results share it.
    """
    if type(result) in (tuple, list):
        parts = [_returned(recorder, x) for x in result]
        return type(result)([p for p, _ in parts]), type(result)([v for _, v in parts])
    if type(result) is dict:
        pairs = {key: _returned(recorder, x) for key, x in result.items()}
        return {key: p for key, (p, _) in pairs.items()}, {key: v for key, (_, v) in pairs.items()}
    data = recorder.data(result) if isinstance(result, Node) else result
    made = isinstance(data, np.ndarray) and not recorder.outside & {id(result), id(data)}
    if not isinstance(data, Traced) and not made:
        _refuse_computed_parts(result)
        return result, result
    recorder.read(data)
    var, value = _variable(recorder, data), _value(data)
    if made and var is not None:
        recorder.fresh.add(var)
    if isinstance(result, Tensor):
        return Returned(var, "Tensor"), Tensor(value, requires_grad=False)
    if isinstance(result, Value):
        return Returned(var, "Value"), Value(value)
    return Returned(var, "plain"), value


def _refuse_what_is_kept(recorder: Recorder, names: Callable[[], Names], found: Sequence[Guard]) -> None:
    """Nothing of the recorded call may live on: it would be that call's number for ever."""
    recorder.forget()
    kept = recorder.kept()
    for patience in range(50):
        if not kept:
            break
        if patience:
            time.sleep(0.001)  # another thread may be at work with a leaf
        gc.collect()  # a graph of recorded gradients has cycles
        kept = recorder.kept()
        if threading.active_count() == 1:
            break
    if kept:
        put_back(found)
        known = names().of
        what = next((known[x.variable] for x in reversed(kept) if x.variable in known), "a value")
        raise RecordingError(
            f"the function keeps {what} outside of itself (in a list, an attribute or a global variable), which a "
            "replay would not do: return it, and store it where the function is called"
        )
