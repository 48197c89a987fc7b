"""Pages in notebooks: in JupyterLab on this machine, and in the HTML that nbconvert writes."""

import os
import re
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.browser.waiting import until

pytestmark = pytest.mark.xdist_group("notebook")  # one process runs the kernel and the server for all of these tests
ROOT = Path(__file__).resolve().parents[2]
CELLS = (
    "import viz\nfrom tinygrad_edu import Value\na, b = Value(2.0, 'a'), Value(-3.0, 'b')\n"
    "L = (a * b + 10).tanh()\nviz.player(L)",
    "viz.draw(L)",
    "viz.animate_backprop(L, 'film.html')",
    "import numpy as np\nfrom tinygrad_edu import compile, data, nn\nstep = compile(lambda x: np.tanh(x).sum())\n"
    "step(np.ones(3))\ndisplay(viz.player(step), viz.playground(nn.MLP(2, [3, 1], rng=0), *data.moons(40, rng=0)))",
)
# Where Jupyter keeps what it remembers, each in a folder of its own.
_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)


def _path():
    """The PYTHONPATH of a kernel that imports this checkout."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="module")
def executed(browser, tmp_path_factory):
    """The notebook with what its cells showed."""
    nbformat = pytest.importorskip("nbformat", reason="the extra `browser` is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra `browser` is not installed")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    folder = tmp_path_factory.mktemp("executed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", _path())
        nbclient.execute(notebook, cwd=str(folder), timeout=60)
    return notebook


# --- nbconvert -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_converted_notebook_shows_a_page_that_works(opened, executed, theme, tmp_path):
    nbconvert = pytest.importorskip("nbconvert", reason="the extra `browser` is not installed")
    exporter = nbconvert.HTMLExporter(theme=theme, mathjax_url="", require_js_url="")  # what it would load from the web
    path = tmp_path / "notebook.html"
    path.write_text(exporter.from_notebook_node(executed)[0], encoding="utf-8")
    page = opened.new_page()
    page.goto(path.as_uri())
    drawing, film = page.locator(".jp-RenderedSVG img"), page.locator("figure img")
    assert all(picture.evaluate("(picture) => picture.naturalWidth") > 100 for picture in (drawing, film))
    assert page.locator(".tinygrad-edu-still:visible").count() == 0
    frame = page.locator("iframe.tinygrad-edu-page").first.element_handle().content_frame()
    until(frame, f"document.documentElement.dataset.theme === '{theme}'")
    frame.locator("#last").click()
    assert frame.locator("#node-0 .grad").text_content() != ""
    frame.locator("#node-0").press("ArrowUp")
    assert frame.evaluate("player.film.numbers.value(0)") != 2.0


# --- JupyterLab ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(executed, tmp_path_factory):
    """The address of JupyterLab on 127.0.0.1, with a notebook that is trusted and one that is not."""
    pytest.importorskip("jupyterlab", reason="the extra `browser` is not installed")
    import nbformat
    from nbformat.sign import NotebookNotary

    home = tmp_path_factory.mktemp("jupyter")
    (home / "data").mkdir()
    nbformat.write(executed, home / "trusted.ipynb")
    NotebookNotary(data_dir=str(home / "data")).sign(executed)
    other = nbformat.from_dict(executed)
    other.cells = [*executed.cells, nbformat.v4.new_markdown_cell("From someone else.")]
    nbformat.write(other, home / "untrusted.ipynb")
    token = secrets.token_hex(16)
    options = ["--no-browser", "--allow-root", "--expose-app-in-browser", "--ServerApp.ip=127.0.0.1"]
    options += ["--ServerApp.port=0", f"--ServerApp.root_dir={home}", f"--IdentityProvider.token={token}"]
    folders = {name: str(home / name.split("_")[1].lower()) for name in _FOLDERS}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        env=os.environ | folders | {"PYTHONPATH": _path()},
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in server.stderr:
        said.append(line)
        if address := re.search(r"http://127\.0\.0\.1:\d+/lab", line):
            break
    drain = threading.Thread(target=server.stderr.read)  # a full pipe would stop the server
    drain.start()
    try:
        assert address, "".join(said)
        yield f"{address[0]}/tree/{{}}?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:  # one of its own threads may wait for ever
            server.kill()
            server.wait()
        drain.join()
        server.stderr.close()


@pytest.fixture(scope="module")
def jupyterlab(lab, browser):
    """One window of JupyterLab for all tests: loading it takes most of the time."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(30_000)
    said = []
    page.on("console", lambda message: message.type == "error" and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(lab.format("trusted.ipynb"))
    page.wait_for_selector("iframe.tinygrad-edu-page")
    yield page
    context.close()
    assert said == []


def test_in_jupyterlab_the_page_follows_the_theme(jupyterlab):
    frame = jupyterlab.locator("iframe.tinygrad-edu-page").first.element_handle().content_frame()
    for theme in ("light", "dark"):
        name = f"JupyterLab {theme.title()}"
        jupyterlab.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        until(frame, f"document.documentElement.dataset.theme === '{theme}'")
    assert jupyterlab.locator(".tinygrad-edu-still:visible").count() == 0


def test_in_jupyterlab_the_wheel_scrolls_the_notebook_until_the_view_has_the_focus(jupyterlab):
    frame = jupyterlab.locator("iframe.tinygrad-edu-page").first.element_handle().content_frame()
    scale = "player.graph.view[2]"
    before = frame.evaluate(scale)
    jupyterlab.locator("iframe.tinygrad-edu-page").first.hover()
    top = jupyterlab.locator("iframe.tinygrad-edu-page").first.bounding_box()["y"]
    jupyterlab.mouse.wheel(0, 60)
    until(jupyterlab, f"document.querySelector('iframe.tinygrad-edu-page').getBoundingClientRect().y < {top}")
    assert frame.evaluate(scale) == before
    jupyterlab.keyboard.down("Control")
    jupyterlab.mouse.wheel(0, 60)
    jupyterlab.keyboard.up("Control")
    until(frame, f"{scale} < {before}")
    before = frame.evaluate(scale)
    frame.locator("#node-0").click()
    frame.locator("#graph").hover()
    jupyterlab.mouse.wheel(0, -60)
    until(frame, f"{scale} > {before}")


def test_a_notebook_that_is_not_trusted_shows_a_picture_and_a_sentence_until_the_cell_runs(jupyterlab):
    jupyterlab.evaluate("jupyterapp.commands.execute('docmanager:open', { path: 'untrusted.ipynb' })")
    notebook = jupyterlab.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    still = notebook.locator(".tinygrad-edu-still").first
    still.wait_for()
    pictures = notebook.locator(".tinygrad-edu-still img")
    assert pictures.evaluate_all("(all) => all.map((picture) => picture.naturalWidth > 100)") == [True] * 3
    said = notebook.get_by_text("This notebook is not trusted, so the page is not shown.")
    assert said.count() == 3
    assert notebook.locator("iframe").count() == 0
    jupyterlab.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    notebook.locator("iframe.tinygrad-edu-page").first.wait_for()
    still.wait_for(state="hidden")
    frame = notebook.locator("iframe.tinygrad-edu-page").first.element_handle().content_frame()
    frame.locator("#next").click()
    assert frame.locator("#where").text_content().startswith("Step 1 of")
