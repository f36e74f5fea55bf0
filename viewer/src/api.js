// Requests to the program that serves this page; errors are lines it wrote for people.
let session = "";

async function ask(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `${answer.status}`);
  return answer.json();
}

export async function scene() {
  const found = await ask("/api/scene");
  session = found.session;
  return found;
}

const query = (values) => new URLSearchParams(values).toString().replaceAll("%2C", ",").replaceAll("%3A", ":");

export const statistics = (number, bands, low, high) =>
  ask(`/api/layers/${number}/statistics?${query({ bands: bands.map((b) => b + 1).join(","), low, high })}`);

export const record = (number) => ask(`/api/layers/${number}/record`);

export const spectra = (x, y, layers) => ask(`/api/spectra?${query({ x, y, layers: layers.join(",") })}`);

export const differing = (a, b, pair) => ask(`/api/differences/${a}/${b}?${pair ? query({ pair }) : ""}`);

export const poorest = (number, band, order) =>
  ask(`/api/layers/${number}/poorest?${query({ band: band + 1, order })}`);

export const colours = (name) => ask(`/api/colours/${name}`);

export const tileUrl = (number, bands, limits, map) =>
  `/api/layers/${number}/tiles/{z}/{x}/{y}.png?${query({
    bands: bands.map((b) => b + 1).join(","),
    limits: limits.map(([low, high]) => `${low}:${high}`).join(","),
    colours: map,
    s: session,
  })}`;

export const differenceUrl = (a, b, limit, pair) =>
  `/api/differences/${a}/${b}/tiles/{z}/{x}/{y}.png?${query({ limit, ...(pair ? { pair } : {}), s: session })}`;
