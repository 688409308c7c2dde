import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSED = /\.(js|css|svg|json|txt)$/;
const WORTH_IT = 1024;

/* signet-api serves x.br or x.gz for x to who takes it. index.html gets a nonce at each answer, so it stays as it is. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "signet:compressed",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!COMPRESSED.test(entry)) continue;
        const file = join(folder, entry);
        const bytes = readFileSync(file);
        if (bytes.length < WORTH_IT) continue;
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
      }
    },
  };
}

const api = process.env["SIGNET_API"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [compressed()],
  build: {
    outDir: process.env["SIGNET_CONSOLE_OUT"] ?? "../build/console",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      onwarn(warning, warn) {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning); /* "use client", which means nothing here */
      },
      output: {
        manualChunks: (id) => (id.includes("node_modules") ? "libraries" : undefined),
      },
    },
  },
  server: { proxy: { "/console/session": api, "/console/api": api, "/openapi": api } },
});
