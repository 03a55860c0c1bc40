import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The page is served under a policy that allows nothing inline: every script, style and picture
// must leave the build as a file of its own.
export default defineConfig({
  base: "./",
  build: {
    outDir: fileURLToPath(new URL("../src/firki/serve/page", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    license: { fileName: "licenses.txt" },
  },
});
