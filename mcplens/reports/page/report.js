"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const tool = document.getElementById("tool");
  const theme = document.getElementById("theme");
  if (!tool) return;

  const LEAST_PLOT = 72;
  const MOST_PLOT = 700;
  const NARROW = 520;
  const NAMES = { letters: 44, px: 330 };
  const NARROW_NAMES = { letters: 23, px: 160 };
  let drawn = [];

  const isDark = () => (theme.value || (system.matches ? "dark" : "light")) === "dark";

  // One spec serves both themes: each colour of the light palette has its dark one. The data stays
  // as it is, since a tool may be called like a colour.
  const recolour = (value, key) => {
    if (key === "datasets") return value;
    if (typeof value === "string") return page.dark_of[value] ?? value;
    if (Array.isArray(value)) return value.map((each) => recolour(each));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recolour(v, k)]));
  };

  const config = (dark, narrow) => {
    const chosen = structuredClone(dark ? page.dark : page.light);
    chosen.aria = false; // The figure has its own words; a hundred marks need none.
    // Names are cut by letters, where they can spare them; the limit only stops very wide letters.
    const names = narrow ? NARROW_NAMES : NAMES;
    chosen.params = [{ name: page.name_letters, value: names.letters }];
    chosen.axisY.labelLimit = names.px;
    if (narrow) {
      chosen.axisY.labelFontSize = 10;
      chosen.legend.columns = 1;
      chosen.legend.labelFontSize = 10;
      chosen.legend.symbolSize = 60;
      chosen.legend.offset = 24;
    }
    return chosen;
  };

  // Names and numbers beside a plot take what they need, and the plot has the rest.
  const fit = async ({ view, element }) => {
    const over = element.firstElementChild.getBoundingClientRect().width - element.clientWidth;
    const width = Math.min(MOST_PLOT, Math.max(LEAST_PLOT, Math.floor(view.width() - over)));
    if (width !== view.width()) await view.width(width).runAsync();
  };

  const show = () =>
    Promise.all(drawn.map(({ view }) => view.signal("picked_tool", tool.value).runAsync()));

  const draw = async () => {
    const dark = isDark();
    document.documentElement.dataset.theme = theme.value;
    for (const { result } of drawn.splice(0)) result.finalize();
    for (const figure of page.figures) {
      const element = document.getElementById(figure.id);
      const options = {
        renderer: "svg",
        ast: true,
        actions: false,
        tooltip: { theme: dark ? "dark" : "light" },
        config: config(dark, element.clientWidth < NARROW),
      };
      const spec = dark ? recolour(figure.spec) : figure.spec;
      const result = await vegaEmbed(element, spec, options);
      result.view.addEventListener("click", (_, item) => item?.datum?.tool && pick(item.datum.tool));
      drawn.push({ result, view: result.view, element });
    }
    await show();
    await Promise.all(drawn.map(fit));
    document.documentElement.dataset.drawn = String(drawn.length);
  };

  const pick = async (name) => {
    tool.value = name;
    document.getElementById("all").hidden = name === "";
    document.getElementById("status").textContent = name === "" ? "" : `Only ${name} is shown`;
    for (const row of document.querySelectorAll("tr[data-tool]"))
      row.hidden = name !== "" && row.dataset.tool !== name;
    await show();
  };

  // Drawings follow each other; two at once would leave half of each.
  let last = Promise.resolve();
  const redraw = () => (last = last.then(draw));

  let width = innerWidth;
  let waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redraw, 150);
  });
  tool.addEventListener("change", () => pick(tool.value));
  document.getElementById("all").addEventListener("click", () => pick("").then(() => tool.focus()));
  theme.addEventListener("change", redraw);
  system.addEventListener("change", redraw);
  redraw();
})();
