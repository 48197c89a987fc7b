"""The player's page as a file: what is in it, what is not, how it is written. ``tests/browser`` opens it."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browser.graphs import HOSTILE, hostile, layer, neuron, scalar_net
from tinygrad_edu import Tensor, Value
from tinygrad_edu.errors import ArgumentError, FileError
from viz.explain.audit import audit
from viz.pages.page import embedded
from viz.pages.player import player
from viz.pictures.placement import place
from viz.steps.modules import module_calls
from viz.steps.trace import trace


class _Page(HTMLParser):
    """Elements with their attributes, and the texts within ``<script>``, ``<style>`` and the like."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.raw = [], {}
        self._in = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = (tag, dict(attrs).get("type"))

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        self.raw[self._in] = self.raw.get(self._in, "") + data


def data(film):
    return json.loads(_Page(film.html).raw["script", "application/json"])


@pytest.mark.parametrize("make", [neuron, hostile, lambda: scalar_net(2, [4, 1])])
def test_of_values_the_page_holds_the_numbers_and_computes_the_rest(make):
    film = player(make())
    found, expected = data(film), json.loads(json.dumps(film.trace.to_dict()))
    assert found["recorded"] == {"values": [node["value"] for node in expected["nodes"]], "locals": {}}
    assert [node["name"] for node in found["nodes"]] == [node["name"] for node in expected["nodes"]]
    assert len(found["forms"]["steps"]) == len(expected["steps"])


def decoded(record):
    kind = {"int64": np.int64, "bool": bool}.get(record["dtype"], record["dtype"])
    return np.frombuffer(base64.b64decode(record["bytes"]), kind).reshape(record["shape"])


def test_of_tensors_the_page_holds_the_leaves_and_computes_the_rest():
    film = player(layer())
    found = data(film)["recorded"]
    for node, x, record, row in zip(film.trace.order, film.trace.values, found["values"], found["rows"], strict=True):
        assert (record is None) == (row >= 0) == (node.operation is not None)
        if record is not None:
            np.testing.assert_array_equal(decoded(record), x)
    assert film.html.count("np.matmul(x0, x1)") == 1


def test_of_too_many_numbers_the_page_holds_what_python_computed():
    film = player((Tensor(np.ones(200_001), label="x") * 2.0).mean())
    found, expected = data(film)["recorded"], json.loads(json.dumps(film.trace.to_dict()))
    assert found["values"] == [node["value"] for node in expected["nodes"]]
    backward = [step for step in expected["steps"] if step["kind"] == "backward"]
    assert [flow["contribution"] for flow in found["flows"]] == [step["contribution"] for step in backward]


def test_what_has_no_javascript_is_named_and_keeps_its_numbers():
    M, b = Tensor(np.eye(2), label="M"), Tensor([2.0, -1.0], label="b")
    film = player((np.linalg.det(M) * np.sort(b)).sum())
    found = data(film)
    reasons = [node["fixed"] for node in found["nodes"] if "fixed" in node]
    assert reasons[0] == "is an operation (det) that this page cannot compute"
    assert reasons[1].startswith("puts numbers in order")
    assert len(found["recorded"]["jacobians"]) == 2


def test_only_the_rows_that_the_graph_uses_are_in_the_page():
    text = player((Value(2.0, "a") * 3).tanh()).html
    assert "Math.tanh(x)" in text
    assert "Math.sinh" not in text


def test_inputs_without_a_label_have_the_names_of_the_variables_that_hold_them():
    X, y = np.ones((2, 3)), np.zeros((2, 1))
    W = Tensor(np.ones((3, 1)))
    first = second = Tensor([1.0, 2.0])
    film = player((((X @ W) * first.sum() - y) ** 2).sum()).trace
    names = {film.names[k] for k, node in enumerate(film.order) if node.operation is None}
    assert {"X", "y", "W"} <= names
    assert not {"first", "second"} & names  # two names are none
    assert second is first


def test_notes_and_stops_are_for_steps_and_nodes_of_the_graph():
    a = Value(2.0, "a")
    L = a * 3
    film = player(L, notes={1: "first", a: "the leaf"}, stops=[2])
    assert data(film)["notes"] == {"steps": {"0": "first"}, "nodes": {"0": "the leaf"}}
    assert data(film)["stops"] == [1]
    with pytest.raises(ArgumentError, match="a note is for a node of the graph"):
        player(L, notes={Value(1.0): "?"})
    with pytest.raises(ArgumentError, match="a stop is for a step from 1 to 3, but was given 9"):
        player(L, stops=[9])


def test_it_changes_nothing_in_the_graph():
    x = Value(3.0, "x")
    y = x * x
    y.backward()
    player(y).html
    assert (x.grad, y.grad) == (6.0, 1.0)


# --- one file, safe and small -----------------------------------------------------------------------------------------


def test_the_policy_names_the_hashes_of_the_pages_own_style_and_script():
    page = _Page(player(neuron()).html)
    metas = [attributes for tag, attributes in page.elements if tag == "meta"]
    policy = next(meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    for part, text in (("script-src", page.raw["script", None]), ("style-src", page.raw["style", None])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{part} 'sha256-{digest}'" in policy


def test_nothing_is_loaded_from_elsewhere():
    page = _Page(player(neuron()).html)
    assert not any(name in attributes for _, attributes in page.elements for name in ("src", "href", "srcset"))
    assert not re.search(r"@import|url\((?!#)", page.raw["style", None])


def test_no_element_has_a_handler_or_a_style():
    page = _Page(player(hostile()).html)
    attributes = {name for _, given in page.elements for name in given}
    assert not [name for name in attributes if name.startswith("on") or name == "style"]


@given(label=st.text() | st.sampled_from(HOSTILE))
def test_no_label_leaves_the_data(label):
    node = Value(1.0, label)
    film = player(node * 2)
    expected = [tag for tag, _ in _Page(player(Value(1.0) * 2).html).elements]
    assert [tag for tag, _ in _Page(film.html).elements] == expected
    assert data(film)["nodes"][0].get("label", "") == node.label


def test_half_a_surrogate_pair_in_a_label_can_be_saved(tmp_path):
    film = player(Value(1.0, "a\ud800") * 2)
    film.save(tmp_path / "half.html")
    assert (
        ascii(data(film)["nodes"][0]["label"]) == "'a?'"
    )  # ascii: a failure that shows half a pair stops pytest-xdist


def test_half_a_surrogate_pair_in_the_data_of_a_page_is_escaped():
    text = embedded({"file": "a\ud800"})
    assert text == '{"file":"a\\ud800"}'
    assert ascii(json.loads(text)["file"]) == ascii("a\ud800")


def test_the_audit_of_another_graph_is_refused():
    with pytest.raises(ArgumentError, match="audit of the graph"):
        player(neuron(), audit=audit(neuron()))


def test_a_hostile_root_is_text_in_the_title():
    y = Value(1.0) * 2
    y.label = HOSTILE[1]
    film = player(y)
    assert html.escape(film.title) in film.html
    assert "<script>alert" not in film.html + film._repr_html_()


def test_the_page_without_its_data_is_below_400_kilobytes():
    text = player(neuron()).html
    assert len(text.encode()) - len(_Page(text).raw["script", "application/json"].encode()) < 400_000


# --- files and notebooks ----------------------------------------------------------------------------------------------


def test_it_is_saved_whole(tmp_path):
    film = player(neuron())
    path = tmp_path / "backprop.html"
    path.write_text("older")
    film.save(path)
    assert path.read_text(encoding="utf-8") == film.html
    film.save(str(path))
    assert [other.name for other in tmp_path.iterdir()] == ["backprop.html"]


def test_a_path_that_cannot_be_written_is_an_error_in_a_sentence(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        player(neuron()).save(tmp_path / "missing" / "backprop.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pl", "a.txt", "a.html.bak"])
def test_a_page_is_saved_as_html_alone(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"a page is saved as \.html, but was given .*: end the name with \.html"):
        player(neuron()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_show_opens_the_page_in_the_browser(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", opened.append)
    film = player(neuron())
    film.show()
    (path,) = tmp_path.iterdir()
    assert opened == [path.as_uri()]
    assert path.read_text(encoding="utf-8") == film.html


def test_a_notebook_shows_the_page_in_a_frame_without_rights():
    film = player(neuron())
    frame = next(attributes for tag, attributes in _Page(film._repr_html_()).elements if tag == "iframe")
    assert frame["srcdoc"] == film.html
    assert frame["sandbox"] == "allow-scripts allow-downloads"


def test_what_remains_in_an_untrusted_notebook_is_a_picture_and_a_sentence():
    shown = re.sub(r"<(style|iframe|script).*?</\1>", "", player(neuron())._repr_html_(), flags=re.DOTALL)
    page = _Page(shown)
    assert [tag for tag, _ in page.elements] == ["div", "img", "p"]
    assert page.elements[1][1]["src"].startswith("data:image/png;base64,")
    assert "This notebook is not trusted" in shown


def test_its_repr_says_what_to_do():
    assert repr(player(Value(2.0, "a") * 3)) == "<player of L: 3 steps; .save('backprop.html') writes it>"


@pytest.mark.parametrize("root", [Value(1.0, "a"), 2.5, None, np.ones(3), Tensor([1.0])])
def test_without_a_graph_there_is_nothing_to_play(root):
    with pytest.raises(ArgumentError, match="needs"):
        player(root)


def test_a_tensor_with_nan_and_infinity_has_a_page():
    W = Tensor(np.array([[1.0, np.nan], [np.inf, 2.0]], np.float32), label="W")
    np.testing.assert_array_equal(decoded(data(player((W * 2).sum()))["recorded"]["values"][0]), W.data)


def test_an_empty_tensor_has_a_page():
    W = Tensor(np.zeros((0, 3)), label="W")
    assert decoded(data(player((W * 2).sum()))["recorded"]["values"][0]).shape == (0, 3)


# --- where things stand -----------------------------------------------------------------------------------------------


def placed(root):
    film = trace(root)
    edges = [(film.ids[x], k) for k, node in enumerate(film.order) for x in node.inputs]
    return film, place([(80.0, 60.0)] * len(film.order), edges, module_calls(film.order))


def test_every_box_lies_in_its_module_and_on_no_other():
    film, where = placed(scalar_net(2, [3, 1]))
    modules = module_calls(film.order)
    assert sorted(where.nodes) == list(range(len(film.order)))
    assert sorted(where.clusters) == list(range(len(modules.calls)))
    for i, call in enumerate(modules.home):
        for outer in call.path():
            assert _within(where.nodes[i], where.clusters[outer.index])
    for call in modules.calls:
        if call.parent.parent:
            assert _within(where.clusters[call.index], where.clusters[call.parent.index])
    boxes = sorted(where.nodes.values())
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if other[0] >= box[0] + box[2]:
                break
            assert other[1] >= box[1] + box[3] - 0.1 or other[1] + other[3] <= box[1] + 0.1


def _within(box, frame):
    (x, y, w, h), (left, top, width, height) = box, frame
    return left <= x and top <= y and x + w <= left + width + 0.1 and y + h <= top + height + 0.1


def test_two_arrows_for_a_node_used_twice():
    x = Value(3.0)
    _, where = placed(x * x)
    assert len(where.edges) == 2
    assert where.edges[0] != where.edges[1]


def test_graphviz_places_small_graphs_and_the_page_large_ones():
    assert data(player(scalar_net(2, [3, 1])))["place"] is not None
    large = data(player(scalar_net(2, [16, 16, 1])))
    assert large["place"] is None
    assert len(large["sizes"]) == len(large["nodes"])


def test_a_node_that_a_long_chain_uses_everywhere_is_no_hurdle():
    x = Value(1.0, "x")
    y = x * 1.0
    for _ in range(240):
        y = y + x
    film, where = placed(y)
    assert len(where.nodes) == len(film.order)
    ends = [where.nodes[film.ids[node]][0] for node in film.order if node.operation]
    assert ends == sorted(ends)  # the chain still runs from left to right


def test_too_many_nodes_side_by_side_are_refused_in_a_sentence():
    rng = np.random.default_rng(0)
    nodes = [Value(0.5, "a"), Value(0.25, "b")]
    for kind, i, j in rng.integers(0, (3, 50, 50), (700, 3)):
        x, y = nodes[-1 - i % len(nodes)], nodes[-1 - j % len(nodes)]
        nodes.append((x * y, x + y, x.sin())[kind])
    with pytest.raises(ArgumentError, match="up to 500 nodes"):
        player(sum(nodes[-60:]))
