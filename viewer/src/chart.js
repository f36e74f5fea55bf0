// Spectra and histograms as SVG: axes that name what they measure, colours told apart by their lightness too.
import { digits, h, svg } from "./dom.js";

const WIDTH = 312;
const HEIGHT = 190;
const EDGE = { left: 46, right: 8, top: 8, bottom: 34 };
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];

export function ticks(low, high, count) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => span / s <= count);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(+(at * step).toPrecision(12));
  return found;
}

function frame(xs, ys, xName, label, marks) {
  const x = (v) => EDGE.left + ((v - xs[0]) / (xs[1] - xs[0] || 1)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (v) => HEIGHT - EDGE.bottom - ((v - ys[0]) / (ys[1] - ys[0] || 1)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  for (const v of ticks(...ys, 5)) {
    root.append(svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(v), y2: y(v), class: "grid" }));
    root.append(svg("text", { x: EDGE.left - 5, y: y(v) + 3.5, "text-anchor": "end" }, digits(v, 4)));
  }
  for (const v of marks ?? ticks(...xs, 5))
    root.append(svg("text", { x: x(v), y: HEIGHT - EDGE.bottom + 14, "text-anchor": "middle" }, digits(v, 4)));
  root.append(svg("text", { x: (EDGE.left + WIDTH - EDGE.right) / 2, y: HEIGHT - 5, "text-anchor": "middle", class: "axis" }, xName));
  return { root, x, y };
}

// Several spectra: [{name, values, nm}], in nanometres where all of them know theirs, else by the number of the band.
export function spectra(lines) {
  const known = lines.filter((line) => line.values.length > 1 && line.nm.every((nm) => nm !== null));
  const inNm = known.length > 0;
  const drawn = (inNm ? known : lines).map((line) => ({
    ...line,
    points: line.values
      .map((v, at) => [inNm ? line.nm[at] : at + 1, v, at])
      .sort((one, other) => one[0] - other[0]),
  }));
  const all = drawn.flatMap((line) => line.points).filter(([, v]) => v !== null);
  if (!all.length) return h("p", { class: "quiet" }, "No layer is measured there.");
  const xs = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))];
  const ys = [Math.min(...all.map(([, v]) => v)), Math.max(...all.map(([, v]) => v))];
  const room = (ys[1] - ys[0] || Math.abs(ys[1]) || 1) * 0.06;
  const most = Math.max(...drawn.map((line) => line.points.length));
  const marks = inNm || most > 12 ? null : Array.from({ length: most }, (_, at) => at + 1);
  const name = inNm ? "wavelength, nm" : "band";
  const { root, x, y } = frame(xs[0] === xs[1] ? [xs[0] - 1, xs[1] + 1] : xs, [ys[0] - room, ys[1] + room], name, `Spectra of ${drawn.map((line) => line.name).join(", ")}`, marks);
  drawn.forEach((line, number) => {
    const colour = `s${number % 6}`;
    let path = "";
    let broken = true;
    for (const [at, v] of line.points) {
      if (v !== null) path += `${broken ? "M" : "L"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`;
      broken = v === null;
    }
    root.append(svg("path", { d: path, class: `line ${colour}`, "stroke-dasharray": DASHES[Math.floor(number / 6) % 4] }));
    if (line.points.length <= 40)
      for (const [at, v, band] of line.points)
        if (v !== null)
          root.append(svg("circle", { cx: x(at), cy: y(v), r: 2.6, class: `dot ${colour}` }, svg("title", {}, `${line.name}, band ${band + 1}: ${digits(v, 7)}`)));
  });
  const left = lines.filter((line) => !drawn.some((one) => one.name === line.name));
  return h(
    "figure",
    {},
    root,
    h("ul", { class: "key" }, ...drawn.map((line, number) => h("li", {}, h("i", { class: `s${number % 6}` }), line.name))),
    left.length ? h("p", { class: "quiet" }, `Without wavelengths, in the table alone: ${left.map((line) => line.name).join(", ")}.`) : null,
  );
}

export function histogram(found, names, limits) {
  const known = found.filter((one) => one.counts.length);
  if (!known.length) return h("p", { class: "quiet" }, "Nothing is measured.");
  const xs = [Math.min(...known.map((one) => one.edges[0])), Math.max(...known.map((one) => one.edges[1]))];
  const peak = Math.max(...known.flatMap((one) => one.counts.map((count) => count / one.pixels)));
  const { root, x, y } = frame(xs, [0, 100 * peak], "value", `Histogram of ${names.join(", ")}, percent of the pixels`);
  known.forEach((one, number) => {
    const colour = known.length === 3 ? ["red", "green", "blue"][number] : "s0";
    const width = (one.edges[1] - one.edges[0]) / one.counts.length;
    const path = one.counts.map((count, at) => `${at ? "L" : "M"}${x(one.edges[0] + (at + 0.5) * width).toFixed(1)} ${y((100 * count) / one.pixels).toFixed(1)}`);
    root.append(svg("path", { d: path.join(""), class: `line ${colour}` }));
    for (const end of limits[number] ?? [])
      if (end >= xs[0] && end <= xs[1])
        root.append(svg("line", { x1: x(end), x2: x(end), y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: `limit ${colour}` }));
  });
  return h("figure", {}, root, h("p", { class: "quiet" }, "Percent of the pixels, every n-th looked at; lines where the stretch ends."));
}
