"""Settings of the documentation site. `python -m docs` builds it."""

import os
import sys
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # autodoc documents this checkout, and the notebooks run on it
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # a plot shows itself, whatever the shell says
os.environ["TQDM_DISABLE"] = "1"  # a page shows no progress bars: they need scripts from the network
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

project = "tinygrad_edu"
author = "The tinygrad_edu authors"
copyright = author  # noqa: A001 Sphinx's name
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Notebooks: MyST sources, run when the site is built.
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Reference: docstrings are in NumPy's style. Sphinx lists no class members twice.
numpydoc_show_class_members = False
autodoc_typehints = "none"
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_title = "tinygrad_edu"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_sidebars = {"gallery": [], "labs": []}  # these pages are not part of a section
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc", "download-notebook"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_extra_path = ["_build/extra"]


def write_notebooks(app):
    """Write each lesson as a notebook for download, beside the page that shows it."""
    folder = Path(app.srcdir) / "_build" / "extra" / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(Path(app.srcdir, "learn").glob("[0-9]*.md")):
        jupytext.write(jupytext.read(source), folder / f"{source.stem}.ipynb")


def setup(app):
    """Register the hook that Sphinx calls before it reads the sources."""
    write_notebooks(app)
