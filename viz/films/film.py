"""Pictures one after another → a file: GIF by Pillow, MP4 by ffmpeg, or a page with a slider."""

import importlib.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tinygrad_edu.errors import ArgumentError, FileError
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.files import write
from viz.pages.page import Page, data_url, embedded
from viz.pictures.palette import THEMES

DENSITY = 2  # pixels of a picture to one of the page, along each side: sharp on today's screens
# The method of choosing a picture's colours; Pillow's first choice takes several times as long.
_METHOD = Image.Quantize.FASTOCTREE
_POINTS = 10  # of the texts in a picture
_HOLD = 2.0  # seconds for which a GIF shows its last picture, before it starts again


class Frame(NamedTuple):
    """A picture of few colours, `DENSITY` times as wide and high as it is shown, and what it shows in words.

    ``at`` is the place of what is new in it, as shares of its width and height; None if it is everywhere.
    """

    picture: Image.Image
    caption: str
    at: tuple[float, float] | None = None


def photographed(figure: Figure, caption: str, at: tuple[float, float] | None = None) -> Frame:
    """What the figure shows now; its ground keeps its very colour, so that no frame is seen on a page."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    full = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture = full.quantize(256, _METHOD)
    palette, ground = cast("list[int]", picture.getpalette()), 3 * cast("int", picture.getpixel((0, 0)))
    palette[ground : ground + 3] = cast("tuple[int, ...]", full.getpixel((0, 0)))
    picture.putpalette(palette)
    return Frame(picture, caption, at)


def check(path: str | Path, fps: float, theme: str) -> Path:
    """Raise if no such animation can be written, before any time is spent on its pictures.

    Raises
    ------
    ArgumentError : the suffix is none of ``.gif .mp4 .html``, there is no such theme, or ``fps`` is not a number of
        pictures a second.
    FileError : the folder does not exist, or ffmpeg is missing and the suffix is ``.mp4``.
    """
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".mp4", ".html"):
        raise ArgumentError(f"an animation is written as .gif, .mp4 or .html, but was given the path {str(path)!r}")
    if not 0 < fps <= 50:  # a GIF counts hundredths of a second, and browsers slow down what is below two
        raise ArgumentError(f"fps is the number of pictures a second, above 0 and up to 50, not {fps}")
    if theme not in THEMES:
        raise ArgumentError(f"theme is one of {', '.join(map(repr, THEMES))}, not {theme!r}")
    if not path.absolute().parent.is_dir():
        raise FileError(f"the animation {str(path)!r} cannot be written: there is no folder {str(path.parent)!r}")
    if path.suffix.lower() == ".mp4" and ffmpeg() is None:
        raise FileError(
            "an .mp4 is written by ffmpeg, which is not installed: install it, by pip install "
            '"tinygrad_edu[video]" for instance, or choose .gif or .html'
        )
    return path


def ffmpeg() -> str | None:
    """The program ffmpeg: the system's, or else that of the package imageio-ffmpeg; None if there is neither."""
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    return found


@dataclass(eq=False)
class Film:
    """An animation that was written to a file. A notebook shows it.

    Attributes
    ----------
    path : the file.
    frames : its pictures, each with its caption.
    """

    frames: Sequence[Frame]
    path: Path
    title: str
    fps: float

    def _repr_html_(self) -> str:
        """The film as a GIF, or as a video. A notebook that is not trusted shows it too: nothing in it is a program."""
        about = escape(f"{self.title}: {len(self.frames)} pictures, {self.path}")
        width = self.frames[0].picture.width // DENSITY
        if self.path.suffix.lower() == ".mp4" and self.path.is_file():
            source = data_url(self.path.read_bytes(), "video/mp4")
            shown = f'<video controls loop width="{width}" src="{source}"></video>'
        else:
            source = data_url(_gif(self.frames, self.title, self.fps), "image/gif")
            shown = f'<img width="{width}" src="{source}" alt="{escape(self.frames[-1].caption)}">'
        return f"<figure>{shown}<figcaption>{about}</figcaption></figure>"

    @for_output
    def __repr__(self) -> str:
        return f"<Film of {len(self.frames)} pictures: {self.path}>"


def write_film(frames: Sequence[Frame], path: Path, *, title: str, fps: float, theme: str, dpi: float = 100.0) -> Film:
    """Write the frames to ``path``, which `check` has approved: the whole file, or none.

    The texts have 10 points; with the ``dpi`` of the shown picture, a page knows whether a phone has to enlarge it.
    """
    suffix = path.suffix.lower()
    if suffix == ".html":
        content = _FilmPage(frames, title, fps, theme, _POINTS * dpi / 72).html.encode()
    else:
        content = (_gif if suffix == ".gif" else _mp4)(frames, title, fps)
    write(path, content)
    return Film(frames, path, title, fps)


def _gif(frames: Sequence[Frame], title: str, fps: float) -> bytes:
    first, *rest = (frame.picture for frame in frames)
    times = [round(1000 / fps)] * len(rest) + [round(1000 * max(_HOLD, 1 / fps))]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=times, loop=0, comment=title.encode())
    return buffer.getvalue()


def _mp4(frames: Sequence[Frame], title: str, fps: float) -> bytes:
    width, height = frames[0].picture.size
    pixels = b"".join(frame.picture.convert("RGB").tobytes() for frame in frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
        # The players' pixel format halves the colour's resolution, so each side has to be even.
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white"
        wanted = ["-vf", even, "-pix_fmt", "yuv420p", "-metadata", f"title={title}"]
        command = [ffmpeg() or "ffmpeg", "-loglevel", "error", *given, *wanted, "-movflags", "+faststart", str(path)]
        done = subprocess.run(command, input=pixels, capture_output=True, check=False)
        if done.returncode:
            raise FileError(f"ffmpeg could not write the animation: {done.stderr.decode(errors='replace').strip()}")
        return path.read_bytes()


class _FilmPage(Page):
    template = "film.html"
    styles = ("page.css", "film.css")
    scripts = ("slides.js",)
    policy = "img-src data:"

    def __init__(self, frames: Sequence[Frame], title: str, fps: float, theme: str, letters: float) -> None:
        super().__init__(title)
        self.frames = frames
        self.look = {"fps": fps, "theme": theme, "letters": round(letters, 1), "density": DENSITY}

    def parts(self) -> dict[str, str]:
        frames = [{"picture": _png(x.picture), "caption": x.caption, "at": x.at} for x in self.frames]
        return {"data": embedded(self.look | {"frames": frames})}


def _png(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_url(buffer.getvalue(), "image/png")
