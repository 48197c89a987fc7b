// Players follow the theme of the site: they read JupyterLab's attribute of the body, which is set here.
(() => {
  const follow = () => {
    document.body.dataset.jpThemeLight = String(document.documentElement.dataset.theme !== "dark");
  };
  new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  follow();
})();

// A table that scrolls is reached by the keyboard.
(() => {
  const reach = () => {
    for (const table of document.querySelectorAll(".bd-article table")) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  reach();
})();
