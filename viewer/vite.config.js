import { defineConfig } from "vite";
import license from "rollup-plugin-license";

// The page that is shipped inside the Python package: fixed names, no inline data, the licences beside it.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../src/earthloom/viewer/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rollupOptions: {
      output: { entryFileNames: "viewer.js", assetFileNames: "viewer[extname]" },
      plugins: [
        license({ thirdParty: { includeSelf: false, output: "../src/earthloom/viewer/static/THIRD-PARTY.txt" } }),
      ],
    },
  },
});
