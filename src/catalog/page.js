const overlay = document.querySelector(".overlay");
if (overlay) {
  const { metrics } = JSON.parse(document.querySelector(".data").textContent);
  const [select, log, chosen] = ["select", ".log", ".chosen"].map((s) => overlay.querySelector(s));
  const ticks = [...overlay.querySelectorAll("[data-run]")];
  const [left, right, top, bottom] = [54, 20, 10, 40];
  // About `count` round numbers between two ends; whole powers of ten where the axis is logarithmic.
  const round = (low, high, count, logarithmic) => {
    if (logarithmic) {
      const powers = [];
      for (let p = Math.ceil(Math.log10(low)); p <= Math.log10(high); p++) powers.push(10 ** p);
      if (powers.length > 1) return powers;
    }
    const rough = (high - low) / count;
    const decade = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * decade).find((s) => s >= rough);
    const all = [];
    for (let t = Math.ceil(low / step) * step; t <= high + step / 1e6; t += step) all.push(Math.abs(t) < step / 1e6 ? 0 : t);
    return all;
  };
  const label = (x) => {
    const size = Math.abs(x);
    const text = size >= 1e6 ? x / 1e6 + "M" : size >= 1e4 ? x / 1e3 + "k" : size > 0 && size < 1e-3 ? x.toExponential(0) : String(Number(x.toPrecision(4)));
    return text.replace("-", "\u2212");
  };
  const draw = () => {
    const metric = metrics[select.value];
    // Text is as large as the page's: a narrow page has a smaller drawing.
    const [width, height] = overlay.clientWidth < 600 ? [400, 250] : [920, 340];
    const lines = ticks.filter((t) => t.checked).map((t) => [t, (metric.curves[t.dataset.run] || []).filter((p) => !log.checked || p[1] > 0)]);
    ticks.forEach((t) => t.parentElement.classList.toggle("absent", !metric.curves[t.dataset.run]));
    const points = lines.flatMap(([, p]) => p);
    if (!points.length) {
      chosen.textContent = "None of the chosen runs has this number.";
      return;
    }
    const ends = (i) => points.reduce(([a, b], p) => [Math.min(a, p[i]), Math.max(b, p[i])], [Infinity, -Infinity]);
    const [x, y] = [ends(0), ends(1)];
    if (x[0] === x[1]) x[1] += 1;
    const room = y[0] === y[1] ? Math.abs(y[0]) / 10 || 1 : (y[1] - y[0]) / 20;
    if (log.checked) [y[0], y[1]] = [y[0] / 1.2, y[1] * 1.2];
    else [y[0], y[1]] = [y[0] - room, y[1] + room];
    const scale = log.checked ? Math.log10 : (v) => v;
    const px = (v) => left + (v - x[0]) / (x[1] - x[0]) * (width - left - right);
    const py = (v) => height - bottom - (scale(v) - scale(y[0])) / (scale(y[1]) - scale(y[0])) * (height - top - bottom);
    const out = [];
    for (const t of round(...y, 5, log.checked)) out.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${py(t)}" y2="${py(t)}"/><text x="${left - 7}" y="${py(t) + 4}" text-anchor="end">${label(t)}<\/text>`);
    out.push(`<line class="axis" x1="${left}" x2="${width - right}" y1="${height - bottom}" y2="${height - bottom}"/>`);
    for (const t of round(...x, width / 130)) out.push(`<text x="${px(t)}" y="${height - bottom + 18}" text-anchor="middle">${label(t)}<\/text>`);
    out.push(`<text x="${(left + width - right) / 2}" y="${height - 4}" text-anchor="middle">step<\/text>`);
    for (const [t, line] of lines) {
      const style = t.parentElement.className.match(/c\d/)[0] + (t.nextElementSibling.className ? " dashed" : "");
      const path = line.map((p) => px(p[0]).toFixed(1) + "," + py(p[1]).toFixed(1));
      if (path.length === 1) path.push(path[0]);
      if (path.length) out.push(`<path class="line ${style}" d="M${path.join(" ")}"/>`);
    }
    chosen.innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img">${out.join("")}<\/svg>`;
    chosen.firstChild.setAttribute("aria-label", metric.name + " by step");
  };
  overlay.addEventListener("input", draw);
  addEventListener("resize", draw);
  overlay.hidden = false;
  document.querySelector(".every").hidden = true;
  draw();
}
for (const table of document.querySelectorAll("table.runs")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value;
      // What a run lacks stands last, whichever way.
      const compare = (a, b) => (isFinite(a) && isFinite(b) ? a - b : a.localeCompare(b, "en", { numeric: true }));
      const order = (a, b) => (value(a) === "") - (value(b) === "") || (up ? 1 : -1) * compare(value(a), value(b));
      body.append(...[...body.rows].sort(order));
    });
  });
}
