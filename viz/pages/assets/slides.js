// Pictures one after another: a slider, buttons, arrow keys, and playing at a chosen speed.

const film = JSON.parse(document.getElementById("data").textContent);
const last = film.frames.length - 1;
const [stage, picture, play, back, next, slider, count, speed, caption] =
  ["stage", "picture", "play", "back", "next", "slider", "count", "speed", "caption"].map(id => document.getElementById(id));
let at = 0, timer = 0;

function show(k) {
  at = Math.min(Math.max(k, 0), last);
  picture.src = film.frames[at].picture;
  picture.alt = film.frames[at].caption;
  slider.value = at;
  slider.setAttribute("aria-valuetext", film.frames[at].caption);
  count.textContent = `${at + 1} / ${last + 1}`;
  // While it plays, a screen reader would be fed faster than it speaks.
  caption.setAttribute("aria-live", timer ? "off" : "polite");
  caption.textContent = film.frames[at].caption;
}
// A phone shows a part of the picture, around what is new in it, with letters of at least 14 pixels.
const isSmall = matchMedia("(max-width: 700px), (max-height: 500px)");
function fit() {
  const enlarged = isSmall.matches ? Math.max(1, 14 / film.letters) : 1;
  picture.width = Math.floor(enlarged * picture.naturalWidth / film.density);
  const [x, y] = film.frames[at].at ?? [];
  if (x === undefined) return;
  stage.scrollTo(x * picture.offsetWidth - stage.clientWidth / 2, y * picture.offsetHeight - stage.clientHeight / 2);
}
function pause() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
  show(at);
}
function start() {
  if (at === last) show(0);
  play.textContent = "Pause";
  run();
}
function run() {
  clearInterval(timer);
  timer = setInterval(() => at < last ? show(at + 1) : pause(), 1000 / (film.fps * Number(speed.value)));
}
function step(k) { pause(); show(k); }

// The pictures have one form, and the page around them follows it.
document.documentElement.dataset.theme = film.theme;
picture.addEventListener("load", fit);
isSmall.addEventListener("change", fit);
slider.max = last;
speed.addEventListener("change", () => timer && run());
play.addEventListener("click", () => timer ? pause() : start());
back.addEventListener("click", () => step(at - 1));
next.addEventListener("click", () => step(at + 1));
slider.addEventListener("input", () => step(Number(slider.value)));
document.addEventListener("keydown", event => {
  if (event.target === slider || event.target === speed) return;
  if (event.key === "ArrowLeft") step(at - 1);
  else if (event.key === "ArrowRight") step(at + 1);
  else return;
  event.preventDefault(); // they do not scroll the picture too
});
show(0);
