// The page: one state, one way to change it, and everything drawn from it.
import * as api from "./api.js";
import { digits, h } from "./dom.js";
import { listen } from "./keys.js";
import { Maps } from "./maps.js";
import { draw, recordTable } from "./panel.js";
import { MODES, fresh, fromHash, toHash } from "./state.js";
import "./style.css";

const by = (id) => document.getElementById(id);
const FLICKER_MS = 700;
const SPECTRA = 24;

class App {
  constructor(scene) {
    this.scene = scene;
    this.state = fromHash(location.hash, scene);
    this.limits = { a: [[0, 1]], b: [[0, 1]] };
    this.statistics = {};
    this.records = {};
    this.opened = {};
    this.values = null;
    this.worst = null;
    this.differences = null;
    this.flickered = false;
    this.known = new Map(); // answers that do not change: statistics, differences
    this.turn = 0;
    this.maps = new Maps(scene, this.state, {
      moved: (centre, cell) => this.moved(centre, cell),
      clicked: (at) => this.pick(at),
      hovered: (at) => this.hover(at),
    });
    if (!this.state.centre) this.fit();
  }

  // All of A and B.
  fit() {
    const [a, b] = [this.about("a").extent, this.about("b").extent];
    this.maps.fit([Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])]);
  }

  about(key) {
    return this.scene.layers[this.state[key].layer];
  }

  // B takes the bands and limits of A where they can be the same.
  follows() {
    const { a, b, linked } = this.state;
    const other = this.about("b");
    return linked && (a.layer === b.layer || (other.quality_of === null && other.count === this.about("a").count));
  }

  // As a side is shown: with the other's choice where they are linked.
  shown(key) {
    const mine = this.state[key];
    return key === "b" && this.follows() ? { ...this.state.a, layer: mine.layer } : mine;
  }

  async once(name, make) {
    if (!this.known.has(name)) {
      this.known.set(name, make().catch((error) => {
        this.known.delete(name);
        throw error;
      }));
    }
    return this.known.get(name);
  }

  statisticsOf(mine) {
    const name = `s${mine.layer} ${mine.bands} ${mine.low} ${mine.high}`;
    return this.once(name, () => api.statistics(mine.layer, mine.bands, mine.low, mine.high));
  }

  change(changes, panel = true) {
    Object.assign(this.state, changes);
    if ("overlay" in changes || "pair" in changes || "band" in changes) this.worst = null;
    return this.refresh(panel);
  }

  changeSlot(key, changes) {
    const mine = this.state[key];
    if ("layer" in changes) {
      const next = this.scene.layers[changes.layer];
      const before = this.scene.layers[mine.layer];
      const alike = next.count === before.count && (next.quality_of === null) === (before.quality_of === null);
      Object.assign(mine, alike ? { layer: next.number } : fresh(next.number, next));
      if (next.series && next.series === before.series) this.hold(key, before.number);
      this.worst = null;
      this.state.pair = "";
    } else Object.assign(mine, changes);
    return this.refresh();
  }

  // The dates of a series keep one stretch: that of the date from which one went on.
  hold(key, from) {
    if (this.state[key].limits || !this.state.linked) return;
    const found = this.limits[key];
    if (found.from === from || found.series) this.state[key].limits = found.map((pair) => [...pair]);
  }

  async refresh(panel = true) {
    const turn = ++this.turn;
    try {
      const a = this.state.a;
      const b = this.shown("b");
      const [first, second] = await Promise.all([this.statisticsOf(a), this.statisticsOf(b)]);
      if (turn !== this.turn) return;
      this.statistics = { a: first, b: second };
      this.limits.a = Object.assign(a.limits ?? first.map((one) => [one.low, one.high]), { from: a.layer });
      this.limits.b = this.follows() ? this.limits.a : Object.assign(b.limits ?? second.map((one) => [one.low, one.high]), { from: b.layer });
      await this.overlaid();
      if (turn !== this.turn) return;
      this.say("");
    } catch (error) {
      if (turn === this.turn) this.say(error.message);
      this.over = null;
    }
    this.paint();
    if (panel) draw(this);
    this.furniture();
  }

  // What lies over the images, and its legend.
  async overlaid() {
    const { overlay, pair, band } = this.state;
    const legend = by("legend");
    this.over = null;
    legend.hidden = true;
    if (overlay === "none") return;
    let ends;
    let map = "RdBu_r";
    if (overlay === "difference") {
      const found = await this.difference();
      this.over = [this.state.a.layer, api.differenceUrl(this.state.a.layer, this.state.b.layer, found.limit, pair)];
      ends = [-found.limit, found.limit];
    } else {
      const about = this.scene.layers[overlay];
      const [found] = await this.statisticsOf({ layer: overlay, bands: [band], low: 1, high: 99 });
      const classes = about.legends[about.names[band]];
      map = classes ? "tab10" : "viridis";
      ends = classes ? [-0.5, 9.5] : [found.low, found.high];
      this.over = [overlay, api.tileUrl(overlay, [band], [ends], map)];
      if (classes) {
        const colours = await this.once(`c${map}`, () => api.colours(map));
        legend.replaceChildren(h("ul", {}, ...Object.entries(classes).slice(0, 10).map(([code, name]) => {
          const swatch = h("i");
          swatch.style.background = colours[Math.min(16, Math.round(((Number(code) + 0.5) / 10) * 16))];
          return h("li", {}, swatch, `${code}: ${name}`);
        })));
        legend.hidden = false;
        return;
      }
    }
    const stops = await this.once(`c${map}`, () => api.colours(map));
    const bar = h("div", { class: "bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    legend.replaceChildren(
      h("b", {}, overlay === "difference" ? "A − B" : this.scene.layers[overlay].names[band] || `band ${band + 1}`),
      bar,
      h("div", { class: "barends" }, h("span", {}, digits(ends[0], 3)), h("span", {}, overlay === "difference" ? "0" : ""), h("span", {}, digits(ends[1], 3))),
    );
    legend.hidden = false;
  }

  difference() {
    const { a, b, pair } = this.state;
    return this.once(`d${a.layer} ${b.layer} ${pair}`, () => api.differing(a.layer, b.layer, pair));
  }

  paint() {
    const url = (key) => {
      const mine = this.shown(key);
      return [mine.layer, api.tileUrl(mine.layer, mine.bands, this.limits[key], mine.colours)];
    };
    this.maps.show({ a: url("a"), b: url("b"), over: this.over }, this.flickered);
    this.maps.mark(this.state.point, this.worst?.blocks[this.worst.at].extent);
    this.maps.render();
  }

  // What stands around the maps and follows the state.
  furniture() {
    const { mode } = this.state;
    for (const button of by("modes").children) {
      const on = button.dataset.mode === mode;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
    }
    const single = mode === "a" || mode === "b" || mode === "flicker";
    const now = mode === "b" || (mode === "flicker" && this.flickered) ? "b" : "a";
    by("tagA").textContent = single ? `${now.toUpperCase()}  ${this.about(now).name}` : `A  ${this.about("a").name}`;
    by("tagB").textContent = single ? "" : `B  ${this.about("b").name}`;
    by("stage").dataset.mode = mode;
    by("swipe").hidden = mode !== "swipe";
    this.line();
    this.timeline();
    if ((mode === "flicker") !== Boolean(this.clock)) {
      clearInterval(this.clock);
      this.clock = mode === "flicker" ? setInterval(() => this.flick(), FLICKER_MS) : null;
      this.flickered = false;
    }
    this.remember();
  }

  flick() {
    this.flickered = !this.flickered;
    this.paint();
    by("tagA").textContent = `${this.flickered ? "B" : "A"}  ${this.about(this.flickered ? "b" : "a").name}`;
  }

  line() {
    const bar = by("swipe");
    bar.style.left = `${100 * this.state.swipe}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * this.state.swipe));
  }

  // The slider of dates, where A or B belongs to a series.
  dates() {
    const key = this.about("a").series ? "a" : this.about("b").series ? "b" : null;
    if (!key) return null;
    const members = this.scene.layers.filter((one) => one.series === this.about(key).series);
    members.sort((one, other) => one.day.localeCompare(other.day));
    return { key, members, at: members.findIndex((one) => one.number === this.state[key].layer) };
  }

  timeline() {
    const found = this.dates();
    const bar = by("time");
    bar.hidden = !found;
    if (!found) return;
    const { key, members, at } = found;
    const held = document.activeElement?.id;
    bar.replaceChildren(
      h("button", { id: "earlier", disabled: at === 0, "aria-label": "Previous date", onclick: () => this.step(-1) }, "‹"),
      h("input", { id: "dates", type: "range", min: 0, max: members.length - 1, step: 1, value: at, "aria-label": `Date of ${key.toUpperCase()}`, "aria-valuetext": members[at].day, oninput: (event) => this.go(key, members, Number(event.target.value)) }),
      h("button", { id: "later", disabled: at === members.length - 1, "aria-label": "Next date", onclick: () => this.step(1) }, "›"),
      h("output", { id: "day" }, `${members[at].day} (${at + 1} of ${members.length})`),
    );
    if (["earlier", "dates", "later"].includes(held)) by(held).focus();
  }

  go(key, members, at) {
    const next = members[Math.min(members.length - 1, Math.max(0, at))];
    if (next.number !== this.state[key].layer) this.changeSlot(key, { layer: next.number });
  }

  step(by) {
    const found = this.dates();
    if (found) this.go(found.key, found.members, found.at + by);
  }

  async jump(by) {
    try {
      if (!this.worst) {
        const { overlay, band, a, b } = this.state;
        if (overlay !== "difference" && typeof overlay !== "number" && a.layer === b.layer) throw new Error("A and B are one layer");
        this.say("Looking for the worst blocks …");
        const chosen = typeof overlay === "number" ? this.scene.layers[overlay] : null;
        const found = chosen
          ? await api.poorest(overlay, band, /uncertainty|origin/i.test(chosen.names[band]) ? "highest" : "lowest")
          : await this.difference();
        if (!found.blocks.length) throw new Error("no block is measured by half");
        this.worst = { blocks: found.blocks, at: 0 };
        this.say("");
      } else this.worst.at = (this.worst.at + by + this.worst.blocks.length) % this.worst.blocks.length;
      const extent = this.worst.blocks[this.worst.at].extent;
      const side = extent[2] - extent[0];
      this.maps.fit([extent[0] - side, extent[1] - side, extent[2] + side, extent[3] + side]);
      this.paint();
      draw(this);
    } catch (error) {
      this.say(error.message);
    }
  }

  async pick(at) {
    this.state.point = at;
    const first = [this.state.a.layer, this.state.b.layer];
    const owned = this.scene.layers.filter((one) => first.includes(one.quality_of)).map((one) => one.number);
    const layers = [...new Set([...first, ...owned, ...this.scene.layers.map((one) => one.number)])].slice(0, SPECTRA);
    try {
      this.values = await api.spectra(at[0], at[1], layers);
    } catch (error) {
      this.say(error.message);
    }
    this.paint();
    draw(this);
    by("side-pixel").scrollIntoView({ block: "nearest" });
    this.remember();
  }

  hover(at) {
    const { unit } = this.scene;
    const text = unit === "px" ? `column ${Math.floor(at[0])}, row ${Math.floor(-at[1])}` : at.map((v) => v.toFixed(unit === "degrees" ? 6 : 1)).join(", ");
    by("where").textContent = text;
  }

  async fillRecord(key) {
    const number = this.state[key].layer;
    try {
      this.records[number] ??= await api.record(number);
      by(`record-${key}`)?.replaceChildren(recordTable(this.records[number]));
    } catch (error) {
      this.say(error.message);
    }
  }

  exchange() {
    const { a, b } = this.state;
    this.change({ a: b, b: a });
  }

  moved(centre, cell) {
    this.state.centre = centre;
    this.state.cell = cell;
    this.remember();
  }

  // The address follows, not at every frame: browsers refuse that.
  remember() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => history.replaceState(null, "", location.pathname + toHash(this.state, this.scene)), 150);
  }

  async copy() {
    const link = location.origin + location.pathname + toHash(this.state, this.scene);
    try {
      await navigator.clipboard.writeText(link);
      this.say("The link is copied. It works in this browser while the viewer runs.");
    } catch {
      this.say(link);
    }
  }

  theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const root = document.documentElement;
    root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
  }

  fold(open = document.body.classList.contains("folded")) {
    document.body.classList.toggle("folded", !open);
    by("fold").setAttribute("aria-expanded", open);
    this.maps.resize();
  }

  say(text) {
    by("status").textContent = text;
  }
}

function modes(app) {
  by("modes").append(
    ...MODES.map(([mode, name, what]) => h("button", { role: "radio", "data-mode": mode, title: what, "aria-checked": "false", onclick: () => app.change({ mode }) }, name)),
  );
  by("modes").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = MODES.findIndex(([mode]) => mode === app.state.mode);
    const next = (at + by + MODES.length) % MODES.length;
    app.change({ mode: MODES[next][0] });
    document.querySelector(`[data-mode=${MODES[next][0]}]`).focus();
  });
}

function swiping(app) {
  const bar = by("swipe");
  const put = (share) => {
    app.state.swipe = Math.min(1, Math.max(0, share));
    app.line();
    app.maps.render();
    app.remember();
  };
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
    bar.focus();
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const edge = by("stage").getBoundingClientRect();
    put((event.clientX - edge.left) / edge.width);
  });
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 0.02, ArrowUp: 0.02, ArrowLeft: -0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1 }[event.key];
    const end = { Home: 0, End: 1 }[event.key];
    if (by === undefined && end === undefined) return;
    event.preventDefault();
    put(end ?? app.state.swipe + by);
  });
}

async function start() {
  if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname + location.hash);
  try {
    const app = new App(await api.scene());
    modes(app);
    swiping(app);
    listen(app);
    by("copy").addEventListener("click", () => app.copy());
    by("theme").addEventListener("click", () => app.theme());
    by("fold").addEventListener("click", () => app.fold());
    if (matchMedia("(max-width: 700px)").matches) app.fold(false);
    addEventListener("hashchange", () => location.reload());
    new ResizeObserver(() => app.maps.resize()).observe(by("stage"));
    await app.refresh();
    if (app.state.point) await app.pick(app.state.point);
    document.body.dataset.ready = "yes";
    app.maps.drawn(() => (document.body.dataset.drawn = "yes"));
  } catch (error) {
    by("status").textContent = error.message;
    throw error;
  }
}

start();
