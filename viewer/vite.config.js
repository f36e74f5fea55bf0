import { defineConfig } from "vite";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import license from "rollup-plugin-license";

const OUT = "../src/earthloom/viewer/static";

// What the page was built from: a test compares, so that nobody ships an old one.
function sources() {
  return {
    name: "sources",
    closeBundle() {
      const files = ["index.html", "package-lock.json", "vite.config.js"];
      for (const folder of ["public", "src"]) files.push(...readdirSync(folder).map((name) => `${folder}/${name}`));
      const whole = createHash("sha256");
      for (const name of files.sort()) whole.update(createHash("sha256").update(readFileSync(name)).digest("hex"));
      writeFileSync(`${OUT}/SOURCES.sha256`, `${whole.digest("hex")}\n`);
    },
  };
}

// The page that is shipped inside the Python package: fixed names, no inline data, the licences beside it.
export default defineConfig({
  base: "/",
  plugins: [sources()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: {
      output: { entryFileNames: "viewer.js", assetFileNames: "viewer[extname]" },
      plugins: [
        license({ thirdParty: { includeSelf: false, output: `${OUT}/THIRD-PARTY.txt` } }),
      ],
    },
  },
});
