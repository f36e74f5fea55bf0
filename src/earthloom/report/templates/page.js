(function () {
  "use strict";
  var root = document.documentElement, button = document.getElementById("theme"), key = "earthloom-theme";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function kept() { try { return window.localStorage.getItem(key); } catch (e) { return null; } }
  function isDark() { return (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark"; }
  function show() {
    button.setAttribute("aria-pressed", String(isDark()));
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
  }
  if (kept()) { root.dataset.theme = kept(); }
  button.hidden = false;
  button.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { window.localStorage.setItem(key, root.dataset.theme); } catch (e) { /* a browser that keeps nothing */ }
    show();
  });
  dark.addEventListener("change", show);
  show();
})();
