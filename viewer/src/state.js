// What is shown, and how it stands in the address: a link restores the view.
export const MODES = [
  ["a", "A", "A alone (1)"],
  ["b", "B", "B alone (2)"],
  ["swipe", "Swipe", "B right of a line that you move (3)"],
  ["side", "Side by side", "Two maps that move together (4)"],
  ["flicker", "Flicker", "A and B in turn (5)"],
  ["blend", "Blend", "B over A, as opaque as you like (6)"],
];

const slot = (layer, about) => ({
  layer,
  bands: [...about.colours],
  colours: about.colours.length === 3 ? "gray" : about.quality_of === null ? "gray" : "viridis",
  low: 2,
  high: 98,
  limits: null, // typed by hand; else those of the percentiles
});

export function initial(scene) {
  const images = scene.layers.filter((one) => one.quality_of === null);
  const shown = images.length ? images : scene.layers;
  const second = shown.length > 1 ? shown[1] : shown[0];
  return {
    mode: shown.length > 1 ? "swipe" : "a",
    a: slot(shown[0].number, shown[0]),
    b: slot(second.number, second),
    linked: true,
    overlay: "none", // difference, or the number of a layer of quality
    pair: "",
    band: 0,
    opacity: 0.8,
    blend: 0.5,
    swipe: 0.5,
    centre: null,
    cell: null,
    point: null,
  };
}

export const fresh = slot;

const number = (text) => (text !== null && text !== "" && Number.isFinite(Number(text)) ? Number(text) : null);

function fromSlot(mine, name, scene) {
  const about = scene.layers[mine.layer];
  const limits = mine.limits ? `~${mine.limits.map((pair) => pair.join(":")).join("_")}` : "";
  const bands = mine.bands.map((b) => b + 1).join("-");
  return [name, `${about.name}~${bands}~${mine.colours}~${mine.low}~${mine.high}${limits}`];
}

function toSlot(text, scene) {
  const [name, bands, map, low, high, limits] = (text ?? "").split("~");
  const about = scene.layers.find((one) => one.name === name);
  if (!about) return null;
  const mine = slot(about.number, about);
  const chosen = (bands ?? "").split("-").map((b) => Number(b) - 1);
  if ([1, 3].includes(chosen.length) && chosen.every((b) => Number.isInteger(b) && b >= 0 && b < about.count))
    mine.bands = chosen;
  if (scene.maps.includes(map)) mine.colours = map;
  const ends = [number(low), number(high)];
  if (ends[0] !== null && ends[1] !== null && ends[0] >= 0 && ends[0] < ends[1] && ends[1] <= 100) [mine.low, mine.high] = ends;
  const typed = (limits ?? "").split("_").map((pair) => pair.split(":").map(number));
  if (limits && typed.length === mine.bands.length && typed.every((p) => p.length === 2 && p.every((v) => v !== null)))
    mine.limits = typed;
  return mine;
}

export function toHash(state, scene) {
  const words = new URLSearchParams([
    ["m", state.mode],
    fromSlot(state.a, "a", scene),
    fromSlot(state.b, "b", scene),
    ["l", state.linked ? "1" : "0"],
    ["o", [state.overlay === "none" || state.overlay === "difference" ? state.overlay : scene.layers[state.overlay].name, state.opacity, state.pair, state.band].join("~")],
    ["s", state.swipe.toFixed(3)],
    ["x", state.blend.toFixed(2)],
  ]);
  if (state.centre) words.set("v", [...state.centre.map((c) => +c.toPrecision(12)), +state.cell.toPrecision(6)].join("~"));
  if (state.point) words.set("p", state.point.map((c) => +c.toPrecision(12)).join("~"));
  return `#${words}`;
}

export function fromHash(hash, scene) {
  const state = initial(scene);
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  if (![...words].length) return state;
  if (MODES.some(([mode]) => mode === words.get("m"))) state.mode = words.get("m");
  state.a = toSlot(words.get("a"), scene) ?? state.a;
  state.b = toSlot(words.get("b"), scene) ?? state.b;
  state.linked = words.get("l") !== "0";
  const [overlay, opacity, pair, band] = (words.get("o") ?? "none").split("~");
  const about = scene.layers.find((one) => one.name === overlay);
  state.overlay = overlay === "difference" ? overlay : (about?.number ?? "none");
  state.opacity = Math.min(1, Math.max(0, number(opacity) ?? 0.8));
  state.pair = /^\d{1,5}:\d{1,5}$/.test(pair ?? "") ? pair : "";
  state.band = about ? Math.min(about.count - 1, Math.max(0, Math.trunc(number(band) ?? 0))) : 0;
  state.swipe = Math.min(1, Math.max(0, number(words.get("s")) ?? 0.5));
  state.blend = Math.min(1, Math.max(0, number(words.get("x")) ?? 0.5));
  const view = (words.get("v") ?? "").split("~").map(number);
  if (view.length === 3 && view.every((v) => v !== null) && view[2] > 0) [state.centre, state.cell] = [[view[0], view[1]], view[2]];
  const point = (words.get("p") ?? "").split("~").map(number);
  if (point.length === 2 && point.every((v) => v !== null)) state.point = point;
  return state;
}
