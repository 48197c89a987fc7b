"""The program of a compiled function as a picture and as a page. ``tests/browser`` opens the page."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_edu
import viz
from tests.browser.graphs import HOSTILE, training_step
from tinygrad_edu import Tensor, Value, optim
from tinygrad_edu.compiler import CompileError
from tinygrad_edu.errors import ArgumentError
from viz.pictures.program import listing

SVG = "{http://www.w3.org/2000/svg}"


def attention():
    """A forward pass alone, with a constant that is written out and a name that is read twice."""
    scale = np.array([0.5, 2.0, 1.5])

    @tinygrad_edu.compile
    def attend(x):
        y = np.einsum("ij,kj->ik", x, x)
        return np.where(y < 1.0, y, y * scale), y

    attend(np.eye(3))
    return attend


def scalars():
    @tinygrad_edu.compile
    def neuron(a, b):
        return (a * b + 10).tanh()

    neuron(Value(1.0), Value(2.0))
    return neuron


PROGRAMS = [training_step, lambda: training_step(optim.Adam), attention, scalars]


def read_by_the_program(compiled):
    """For each line that is printed, how many variables it reads, those within it too: from the data, not the text."""
    program = compiled.program
    made = {line.out: line for line in program.lines}
    shown = {line for _, line in compiled.listing if line is not None}

    def reads(line):
        for var in line.reads():
            inner = made.get(var)
            if inner is None or inner in shown:
                yield var
            else:
                yield from reads(inner)

    return [len(set(reads(line))) for _, line in compiled.listing if line is not None]


def elements(picture, kind):
    return [g.get("id") for g in ElementTree.fromstring(picture).iter(f"{SVG}g") if kind in g.get("class", "").split()]


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.attributes = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.ids += [value for name, value in attrs if name == "id"]


@pytest.mark.parametrize("make", PROGRAMS)
def test_the_arrows_are_what_the_lines_of_the_program_read(make):
    compiled = make()
    nodes = listing(compiled, 500).nodes
    printed = [line for text, line in compiled.listing if text and text[0] != "#" and not text.startswith("return")]
    found = [sum(nodes[i].kind != "constant" for i in node.reads) for node in nodes if node.kind == "line"]
    assert len(found) == len(printed)
    pairs = zip(found, printed, strict=True)
    assert [count for count, line in pairs if line is not None] == read_by_the_program(compiled)
    assert sum(node.kind in ("argument", "parameter", "state") for node in nodes) == len(compiled.program.inputs)


@pytest.mark.parametrize("make", PROGRAMS)
def test_the_picture_has_every_node_and_arrow(make):
    compiled = make()
    program, drawing = listing(compiled, 500), viz.draw(compiled)
    assert sorted(elements(drawing.svg, "node")) == sorted(f"node-{i}" for i in range(len(program.nodes)))
    assert sorted(elements(drawing.svg, "edge")) == sorted(f"edge-{i}-{place}" for i, place, _ in program.arrows())
    listed = {text for text, _ in compiled.listing}
    sections = [section for section in ("forward", "backward", "update") if f"# {section}" in listed]
    sections += ["settings"] * any(node.is_setting for node in program.nodes)
    assert sorted(elements(drawing.svg, "section")) == sorted(f"section-{section}" for section in sections)


@pytest.mark.parametrize("make", PROGRAMS)
def test_on_the_page_every_line_has_a_node_and_the_reverse(make):
    compiled = make()
    ids = _Page(viz.player(compiled).html).ids
    assert len(ids) == len(set(ids))
    lines, nodes = ([int(i[5:]) for i in ids if re.fullmatch(rf"{what}-\d+", i)] for what in ("line", "node"))
    assert sorted(lines) == sorted(nodes) == [*range(len(listing(compiled, 500).nodes))]


def test_a_step_reads_the_new_parameter_only_after_its_update():
    nodes = listing(training_step(optim.Adam), 500).nodes
    index = {node.name: i for i, node in enumerate(nodes) if node.kind == "parameter"}
    update = next(node for node in nodes if node.name == "W1" and node.kind == "line")
    forward = next(node for node in nodes if node.name == "z1")
    assert index["W1"] in update.reads
    assert index["W1"] in forward.reads
    written = next(node for node in nodes if node.code.startswith("m_W1[...]"))
    assert [nodes[i].name for i in written.reads] == ["beta1", "m_W1", "dW1"]


def test_inputs_say_what_they_are():
    kinds = {node.name: (node.kind, node.about) for node in listing(training_step(), 500).nodes}
    assert kinds["X"] == ("argument", "(4, 2)")
    assert kinds["lr"] == ("state", "")
    assert kinds["return"] == ("return", "")


def test_settings_stand_in_the_head_with_their_numbers():
    code = {node.name: node.code for node in listing(training_step(optim.Adam), 500).nodes if not node.section}
    assert [code[name] for name in ("lr", "beta1", "beta2", "eps")] == ["lr", "beta1=0.9", "beta2=0.999", "eps=1e-08"]


def test_settings_stand_by_themselves_and_a_state_beside_its_update():
    drawing = viz.draw(training_step(optim.Adam))
    program = listing(training_step(optim.Adam), 500)
    settings = [i for i, node in enumerate(program.nodes) if node.is_setting]
    assert [program.nodes[i].name for i in settings] == ["lr", "t", "beta1", "beta2", "eps"]
    assert not {read for _, _, read in program.arrows()} & set(settings)
    frames = [part.partition("\n}")[0] for part in drawing.source.split('subgraph "cluster_')[1:]]
    frame = {part.partition('"')[0]: part for part in frames}
    assert all(f'id="node-{i}"' in frame["settings"] for i in settings)
    moment = next(i for i, node in enumerate(program.nodes) if node.name == "m_W1")
    assert f'id="node-{moment}"' in frame["update"]


def test_long_code_is_broken_in_its_box():
    assert "beta2 * v_W1 + (1 - beta2) * dW1 *<BR/>dW1" in viz.draw(training_step(optim.Adam)).source


def test_code_is_text_in_the_picture_and_on_the_page():
    drawing, page = viz.draw(attention()), viz.player(attention()).html
    texts = [
        text.text.replace("\N{NO-BREAK SPACE}", " ") for text in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")
    ]
    assert any("y < 1.0" in text for text in texts)
    assert "y &lt; 1.0" in page


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_leave_no_trace(label):
    def compiled(name):
        weight = Tensor(np.ones(2), label=name)

        @tinygrad_edu.compile
        def scaled(x):
            return x * weight

        scaled.__name__ = name
        scaled(np.ones(2))
        return scaled

    tame, hostile = _Page(viz.player(compiled("w")).html), viz.player(compiled(label))
    assert _Page(hostile.html).tags == tame.tags
    assert not [name for name in _Page(hostile.html).attributes if name.startswith("on") or name == "style"]
    assert "<script>alert" not in hostile.html + hostile._repr_html_() + repr(hostile)
    assert viz.draw(compiled(label)).svg


def test_the_page_and_the_picture_are_saved(tmp_path):
    step = training_step()
    viz.player(step).save(tmp_path / "step.html")
    assert (tmp_path / "step.html").read_text(encoding="utf-8") == viz.player(step).html
    for name in ("step.svg", "step.png", "step.pdf"):
        viz.draw(step, theme="dark").save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert repr(viz.draw(step)) == "<Drawing of step: 27 nodes, 36 edges>"
    assert repr(viz.player(step)) == "<player of step: 20 lines; .save('program.html') writes it>"


def test_a_compiled_method_is_drawn():
    class Net:
        @tinygrad_edu.compile
        def double(self, x):
            return x * 2

    net = Net()
    net.double(np.ones(2))
    assert repr(viz.draw(net.double)) == repr(viz.draw(Net.double))


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [viz.draw, viz.player])
def test_a_function_that_was_not_called_has_nothing_to_show(view):
    with pytest.raises(CompileError, match=r"^halve has no source before its first call: call it once with arguments$"):
        view(tinygrad_edu.compile(halve))


def halve(x):
    return x / 2


def test_too_large_a_program_is_refused():
    with pytest.raises(ArgumentError, match="up to 10 nodes, but step has 27 lines and inputs: compile a part"):
        viz.draw(training_step(), max_nodes=10)


def test_too_long_arrows_are_refused():
    @tinygrad_edu.compile
    def long(x, w):
        for k in range(1300):
            x = np.tanh(x * w + k)
        return x

    long(np.ones(2), np.ones(2))
    with pytest.raises(ArgumentError, match=r"the arrows of long pass .* ranks in all"):
        viz.draw(long)


def test_what_a_program_does_not_have_is_refused():
    step = training_step()
    with pytest.raises(ArgumentError, match="no modules to fold"):
        viz.draw(step, depth=1)
    with pytest.raises(ArgumentError, match="no gradient to start from"):
        viz.player(step, 1.0)


def test_the_page_shows_what_was_fixed():
    temperature = 2.0
    compiled = tinygrad_edu.compile(lambda x: x / temperature)
    compiled(np.ones(2))
    assert "# fixed when recorded: temperature = 2.0 (closure)" in viz.player(compiled).html
