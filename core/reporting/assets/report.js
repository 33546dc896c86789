// Draws the figures that the page carries as JSON, one after the other, in the page's own ink.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const holders = [...document.querySelectorAll("[data-figure]")];
  const waiting = [...holders];

  const ink = (forPaper) => {
    const isDark = dark.matches && !forPaper;
    return {
      "font.color": isDark ? "#c9ced4" : "#30353b",
      "hoverlabel.bgcolor": isDark ? "#2a2f36" : "#ffffff",
      "hoverlabel.font.color": isDark ? "#e6e8eb" : "#22262b",
    };
  };

  const draw = (holder) => {
    const spec = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
    const colours = ink(false);
    const layout = {
      ...spec.layout,
      autosize: true,
      font: { ...(spec.layout.font || {}), color: colours["font.color"] },
      hoverlabel: {
        ...(spec.layout.hoverlabel || {}),
        bgcolor: colours["hoverlabel.bgcolor"],
        font: { color: colours["hoverlabel.font.color"] },
      },
    };
    delete layout.width;
    Plotly.newPlot(holder, spec.data, layout, {
      displaylogo: false,
      responsive: true,
      modeBarButtonsToRemove: ["select2d", "lasso2d"],
    });
  };

  const drawNext = () => {
    const holder = waiting.shift();
    if (!holder) {
      document.documentElement.dataset.drawn = "yes";
      return;
    }
    draw(holder);
    setTimeout(drawNext, 0);
  };
  const repaint = (forPaper) => {
    while (waiting.length) draw(waiting.shift());
    for (const holder of holders) {
      Plotly.relayout(holder, ink(forPaper));
      Plotly.Plots.resize(holder);
    }
  };

  dark.addEventListener("change", () => repaint(false));
  window.addEventListener("beforeprint", () => repaint(true));
  window.addEventListener("afterprint", () => repaint(false));
  drawNext();
})();
