// Keyboard shortcuts, and the panel that lists them.
import { h } from "./dom.js";
import { MODES } from "./state.js";

const KEYS = [
  ["1 … 6", "A, B, swipe, side by side, flicker, blend"],
  ["Space", "A and B change places in turn"],
  ["← →", "On the line: move it; on an image: move the image"],
  ["+ −", "Zoom"],
  ["f", "All of A and B"],
  ["d", "The difference over the images, on and off"],
  ["n, p", "Next and previous worst block"],
  ["[ ]", "Previous and next date of the series"],
  ["l", "Link bands and limits of A and B"],
  ["x", "A becomes B and B becomes A"],
  ["m", "Show or hide the panel"],
  ["c", "Copy a link to this view"],
  ["t", "Light or dark"],
  ["?", "This list; Escape closes it"],
];

export function listen(app) {
  const dialog = document.getElementById("help");
  dialog.append(
    h("h2", { id: "helptitle" }, "Keyboard shortcuts"),
    h("dl", {}, ...KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("p", { class: "quiet" }, `Earthloom ${app.scene.version}. A click on an image shows the numbers of that pixel. Numbers are in physical units, as every command reads them.`),
    h("button", { onclick: () => dialog.close() }, "Close"),
  );
  const acts = {
    " ": () => app.change({ mode: app.state.mode === "a" ? "b" : "a" }),
    f: () => app.fit(),
    d: () => app.change({ overlay: app.state.overlay === "difference" ? "none" : "difference" }),
    n: () => app.jump(1),
    p: () => app.jump(-1),
    "[": () => app.step(-1),
    "]": () => app.step(1),
    l: () => app.change({ linked: !app.state.linked }),
    x: () => app.exchange(),
    m: () => app.fold(),
    c: () => app.copy(),
    t: () => app.theme(),
    "?": () => dialog.showModal(),
  };
  MODES.forEach(([mode], at) => (acts[String(at + 1)] = () => app.change({ mode })));
  document.addEventListener("keydown", (event) => {
    const within = event.target.closest?.("input, select, textarea, dialog[open]");
    const pressed = event.key === " " && event.target.closest?.("button, summary, [role=radio], a");
    if (within || pressed || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.getElementById("helper").addEventListener("click", () => dialog.showModal());
}
