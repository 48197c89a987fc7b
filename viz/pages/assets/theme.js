// Light, dark, or as the system has it.

/** The next of the three, on the page and on its button. */
function switchTheme() {
  const themes = { auto: "dark", dark: "light", light: "auto" };
  const next = themes[document.documentElement.dataset.theme ?? "auto"];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  document.getElementById("theme").textContent = `Theme: ${next}`;
}

/** In a notebook: take the colours that it has. */
function followNotebook() {
  window.addEventListener("message", ({ source, data }) => {
    if (source === window.parent && ["light", "dark"].includes(data?.theme)) document.documentElement.dataset.theme = data.theme;
  });
}
