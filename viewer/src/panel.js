// The panel beside the maps: what is shown and how, and figures about it.
import { histogram, spectra } from "./chart.js";
import { digits, h } from "./dom.js";

const MAPS = { gray: "Grey", viridis: "Viridis", magma: "Magma", cividis: "Cividis", RdBu_r: "Red and blue", tab10: "Classes" };

export const bandName = (about, band) => {
  const name = about.names[band];
  const nm = about.nm[band];
  const told = [name && name !== String(band + 1) ? name : "", nm !== null ? `${digits(nm, 4)} nm` : ""].filter(Boolean);
  return `${band + 1}${told.length ? `: ${told.join(", ")}` : ""}`;
};

const option = (value, text, chosen) => h("option", { value, selected: String(value) === String(chosen) }, text);

function field(label, control) {
  return h("label", { class: "field" }, h("span", {}, label), control);
}

function layerChoice(key, scene, mine, change) {
  const choice = h("select", { id: `${key}-layer`, onchange: (event) => change({ layer: Number(event.target.value) }) });
  const series = new Map();
  for (const one of scene.layers) {
    const text = one.day && one.series ? `${one.day}  ${one.name}` : one.name;
    const entry = option(one.number, text, mine.layer);
    if (!one.series) choice.append(entry);
    else {
      if (!series.has(one.series)) {
        series.set(one.series, h("optgroup", { label: `Series ${one.series}` }));
        choice.append(series.get(one.series));
      }
      series.get(one.series).append(entry);
    }
  }
  return choice;
}

function bandChoice(key, about, mine, change) {
  const bands = (slot) =>
    h(
      "select",
      { id: `${key}-band-${slot}`, onchange: (event) => change({ bands: mine.bands.map((b, at) => (at === slot ? Number(event.target.value) : b)), limits: null }) },
      ...about.names.map((_, band) => option(band, bandName(about, band), mine.bands[slot])),
    );
  const three = mine.bands.length === 3;
  const kind = h(
    "select",
    {
      id: `${key}-kind`,
      onchange: (event) => {
        const first = about.colours.length === 3 ? about.colours : [0, Math.min(1, about.count - 1), Math.min(2, about.count - 1)];
        change(event.target.value === "3" ? { bands: [...first], limits: null } : { bands: [mine.bands[0]], limits: null });
      },
    },
    option("3", "Three bands", three ? "3" : "1"),
    option("1", "One band", three ? "3" : "1"),
  );
  if (about.count < 2) return [field("Colours", mapChoice(key, mine, change))];
  return [
    field("Show", kind),
    ...(three
      ? ["Red", "Green", "Blue"].map((name, slot) => field(name, bands(slot)))
      : [field("Band", bands(0)), field("Colours", mapChoice(key, mine, change))]),
  ];
}

const mapChoice = (key, mine, change) =>
  h(
    "select",
    { id: `${key}-colours`, onchange: (event) => change({ colours: event.target.value }) },
    ...Object.entries(MAPS).map(([name, text]) => option(name, text, mine.colours)),
  );

function stretch(side, mine, limits, change) {
  const percent = (key, label) =>
    field(
      label,
      h("input", {
        id: `${side}-${key}`, type: "number", min: 0, max: 100, step: 0.5, value: mine[key],
        onchange: (event) => {
          const next = { low: mine.low, high: mine.high, [key]: Number(event.target.value) };
          if (next.low >= 0 && next.low < next.high && next.high <= 100) change({ ...next, limits: null });
          else event.target.value = mine[key];
        },
      }),
    );
  const names = limits.length === 3 ? ["Red", "Green", "Blue"] : ["Band"];
  const typed = (slot, end) =>
    h("input", {
      id: `${side}-end-${slot}-${end}`, type: "text", inputmode: "decimal", value: digits(limits[slot][end], 6), "aria-label": `${names[slot]} ${end ? "to" : "from"}`,
      onchange: (event) => {
        const value = Number(event.target.value);
        const next = limits.map((pair) => [...pair]);
        next[slot][end] = value;
        if (Number.isFinite(value) && next[slot][0] < next[slot][1]) change({ limits: next });
        else event.target.value = digits(limits[slot][end], 6);
      },
    });
  return [
    h("div", { class: "pair" }, percent("low", "Low percentile"), percent("high", "High percentile")),
    ...limits.map((_, slot) => h("div", { class: "ends" }, h("span", {}, names[slot]), typed(slot, 0), h("span", {}, "to"), typed(slot, 1))),
    mine.limits ? h("button", { onclick: () => change({ limits: null }) }, "Limits of the percentiles") : null,
  ];
}

function side(key, app) {
  const { state, scene } = app;
  const mine = state[key];
  const about = scene.layers[mine.layer];
  const follows = key === "b" && app.follows();
  const change = (changes) => app.changeSlot(key, changes);
  const size = `${about.width} × ${about.height} px, ${about.count} band${about.count === 1 ? "" : "s"}, ${about.dtype}`;
  return h(
    "details",
    { open: app.opened[key] ?? key === "a", id: `side-${key}`, ontoggle: (event) => (app.opened[key] = event.target.open) },
    h("summary", {}, h("b", { class: `badge ${key}` }, key.toUpperCase()), ` ${about.name}`),
    field("Layer", layerChoice(key, scene, mine, change)),
    h("p", { class: "quiet" }, [size, about.crs, about.day].filter(Boolean).join(" · ")),
    ...about.said.map((line) => h("p", { class: "said" }, line)),
    ...(follows
      ? [h("p", { class: "quiet" }, "Bands and limits are those of A (linked).")]
      : [...bandChoice(key, about, mine, change), ...stretch(key, mine, app.limits[key], change)]),
    h(
      "details",
      { class: "inner", open: app.opened[`histogram-${key}`] ?? false, ontoggle: (event) => (app.opened[`histogram-${key}`] = event.target.open) },
      h("summary", {}, "Histogram"),
      app.statistics[key] ? histogram(app.statistics[key], app.shown(key).bands.map((b) => bandName(about, b)), app.limits[key]) : null,
    ),
    h(
      "details",
      { class: "inner", open: app.opened[`record-${key}`] ?? false, ontoggle: (event) => { app.opened[`record-${key}`] = event.target.open; if (event.target.open) app.fillRecord(key); } },
      h("summary", {}, "Record"),
      h("div", { id: `record-${key}` }, app.records[mine.layer] ? recordTable(app.records[mine.layer]) : null),
    ),
  );
}

export function recordTable(found) {
  const entries = Object.entries(found);
  if (!entries.length) return h("p", { class: "quiet" }, "No record: Earthloom did not make it.");
  const text = (value) => {
    if (value === null || typeof value !== "object") return String(value);
    return Object.entries(value).map(([name, one]) => `${name}: ${typeof one === "object" ? JSON.stringify(one) : one}`).join("\n");
  };
  return h("dl", { class: "record" }, ...entries.flatMap(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, text(value))]));
}

function overlay(app) {
  const { state, scene } = app;
  const several = scene.layers.length > 1;
  const quality = scene.layers.filter((one) => one.quality_of !== null);
  const [a, b] = [scene.layers[state.a.layer], scene.layers[state.b.layer]];
  const choice = h(
    "select",
    { id: "overlay", onchange: (event) => app.change({ overlay: /^\d+$/.test(event.target.value) ? Number(event.target.value) : event.target.value, band: 0 }) },
    option("none", "Nothing", state.overlay),
    several ? option("difference", "Difference, A − B", state.overlay) : null,
    ...quality.map((one) => option(one.number, one.name, state.overlay)),
  );
  const chosen = typeof state.overlay === "number" ? scene.layers[state.overlay] : null;
  const slider = (name, value, act) =>
    h("input", { id: name, type: "range", min: 0, max: 1, step: 0.05, value, oninput: (event) => act(Number(event.target.value)) });
  return h(
    "details",
    { open: app.opened.overlay ?? true, id: "side-overlay", ontoggle: (event) => (app.opened.overlay = event.target.open) },
    h("summary", {}, "Together"),
    several ? h("label", { class: "tick" }, h("input", { type: "checkbox", id: "linked", checked: state.linked, onchange: (event) => app.change({ linked: event.target.checked }) }), "One choice of bands and limits for A and B") : null,
    state.mode === "blend" ? field("Opacity of B", slider("blend", state.blend, (blend) => app.change({ blend }, false))) : null,
    field("Over them", choice),
    state.overlay === "difference"
      ? field("Bands", h("select", { id: "pair", onchange: (event) => app.change({ pair: event.target.value }) }, option("", "Mean of all that agree", state.pair), ...pairsOf(a, b).map(([one, two]) => option(`${one + 1}:${two + 1}`, `${bandName(a, one)} − ${bandName(b, two)}`, state.pair))))
      : null,
    chosen && chosen.count > 1
      ? field("Band", h("select", { id: "quality-band", onchange: (event) => app.change({ band: Number(event.target.value) }) }, ...chosen.names.map((_, band) => option(band, bandName(chosen, band), state.band))))
      : null,
    state.overlay !== "none" ? field("Opacity", slider("opacity", state.opacity, (opacity) => app.change({ opacity }, false))) : null,
    several || chosen ? h(
      "div",
      { class: "worst" },
      h("button", { id: "worst", onclick: () => app.jump(1) }, chosen ? "Worst block" : "Largest difference"),
      h("button", { id: "worst-back", onclick: () => app.jump(-1), "aria-label": "The block before" }, "‹"),
      h("button", { id: "worst-next", onclick: () => app.jump(1), "aria-label": "The next block" }, "›"),
      h("span", { id: "worst-told", role: "status" }, app.worst ? `${app.worst.at + 1} of ${app.worst.blocks.length}: ${digits(app.worst.blocks[app.worst.at].figure, 4)}` : ""),
    ) : null,
  );
}

function pairsOf(a, b) {
  const both = a.nm.some((nm) => nm !== null) && b.nm.some((nm) => nm !== null);
  return a.names
    .map((name, one) => {
      if (!both) return [one, a.count === b.count ? one : b.names.indexOf(name)];
      const gaps = b.nm.map((nm) => (nm === null || a.nm[one] === null ? Infinity : Math.abs(nm - a.nm[one])));
      const least = Math.min(...gaps);
      return [one, least <= 30 ? gaps.indexOf(least) : -1];
    })
    .filter(([, two]) => two >= 0);
}

function pixel(app) {
  const { state, scene, values } = app;
  const root = h("details", { open: app.opened.pixel ?? true, id: "side-pixel", ontoggle: (event) => (app.opened.pixel = event.target.open) }, h("summary", {}, "Pixel"));
  if (!state.point || !values) {
    root.append(h("p", { class: "quiet" }, "Click on an image: the numbers of that pixel in every layer."));
    return root;
  }
  const lines = values.map((one) => ({ ...one, name: scene.layers[one.layer].name, nm: scene.layers[one.layer].nm, about: scene.layers[one.layer] }));
  const usual = lines.filter((line) => line.about.quality_of === null);
  root.append(spectra(usual.length ? usual : lines));
  const meaning = (line, value, band) => line.about.legends[line.about.names[band]]?.[String(value)];
  root.append(
    h(
      "details",
      { class: "inner", open: app.opened.values ?? false, ontoggle: (event) => (app.opened.values = event.target.open) },
      h("summary", {}, "Values"),
      ...lines.map((line) =>
        h(
          "table",
          { "data-layer": line.name },
          h("caption", {}, `${line.name}, row ${line.row}, column ${line.column}`),
          h("tbody", {}, ...line.values.map((value, band) => h("tr", {}, h("th", { scope: "row" }, bandName(line.about, band)), h("td", { "data-value": value }, value === null ? "missing" : digits(value, 7), meaning(line, value, band) ? ` (${meaning(line, value, band)})` : "")))),
        ),
      ),
    ),
  );
  return root;
}

export function draw(app) {
  const panel = document.getElementById("panel");
  const held = document.activeElement?.closest?.("#panel [id]")?.id;
  const scrolled = panel.scrollTop;
  panel.replaceChildren(
    side("a", app),
    ...(app.scene.layers.length === 1 ? [] : [side("b", app), overlay(app)]),
    pixel(app),
    ...Object.entries(app.scene.left_out).map(([name, why]) => h("p", { class: "said" }, `Left out: ${name}: ${why}`)),
  );
  panel.scrollTop = scrolled;
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}
