// Pictures one after another: a slider, buttons, arrow keys, and playing.

const film = JSON.parse(document.getElementById("data").textContent);
const last = film.frames.length - 1;
const [picture, play, back, next, slider, count, caption] =
  ["picture", "play", "back", "next", "slider", "count", "caption"].map(id => document.getElementById(id));
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
function pause() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
  show(at);
}
function start() {
  if (at === last) show(0);
  play.textContent = "Pause";
  timer = setInterval(() => at < last ? show(at + 1) : pause(), 1000 / film.fps);
}
function step(k) { pause(); show(k); }

slider.max = last;
play.addEventListener("click", () => timer ? pause() : start());
back.addEventListener("click", () => step(at - 1));
next.addEventListener("click", () => step(at + 1));
slider.addEventListener("input", () => step(Number(slider.value)));
document.addEventListener("keydown", event => {
  if (event.target === slider) return;
  if (event.key === "ArrowLeft") step(at - 1);
  else if (event.key === "ArrowRight") step(at + 1);
});
show(0);
