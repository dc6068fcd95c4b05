// The curves: which measure is drawn, and which curves are shown.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("plot-data").textContent);
  const plot = document.getElementById("plot");
  const hidden = new Set();
  const coarse = matchMedia("(pointer: coarse)").matches;
  let chosen = 0;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function layout(title, isEmpty) {
    const ink = colour("--ink"), line = colour("--line");
    const axis = {
      gridcolor: colour("--grid"), zeroline: false, linecolor: line, automargin: true,
      ticks: "outside", tickcolor: line, ticklen: 5, exponentformat: "power",
    };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      margin: { l: 56, r: 18, t: 18, b: 48 },
      showlegend: false, hovermode: "closest",
      // On a touch screen a drag scrolls the page.
      dragmode: coarse ? false : "zoom",
      hoverlabel: {
        bgcolor: colour("--panel"), bordercolor: line, align: "left", font: { color: ink, size: 13 },
      },
      xaxis: { ...axis, ...data.x, title: { text: data.x.title, standoff: 10 }, showgrid: false },
      yaxis: { ...axis, title: { text: title, standoff: 8 } },
      annotations: isEmpty
        ? [{ text: "Nothing to draw", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }]
        : [],
    };
  }

  function draw() {
    const { traces, axis } = data.measures[chosen];
    const shown = traces.filter((trace) => [].concat(trace.meta).some((one) => !hidden.has(one)));
    Plotly.react(plot, structuredClone(shown), layout(axis, !shown.length), {
      responsive: true, displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
  }

  data.measures.forEach((measure, index) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "measure", checked: index === chosen });
    input.addEventListener("change", () => { chosen = index; draw(); });
    label.append(input, measure.name);
    label.title = measure.axis;
    document.getElementById("measures").append(label);
  });

  data.curves.forEach((curve, index) => {
    const button = document.createElement("button");
    const sample = document.createElement("i");
    sample.style.color = curve.colour;
    sample.textContent = curve.glyph;
    sample.setAttribute("aria-hidden", "true");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(sample, curve.label);
    button.addEventListener("click", () => {
      if (!hidden.delete(index)) hidden.add(index);
      button.setAttribute("aria-pressed", String(!hidden.has(index)));
      draw();
    });
    document.getElementById("legend").append(button);
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
