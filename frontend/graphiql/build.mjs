// Bundles the page into dist/: hashed files, each with gzip and Brotli copies, and manifest.json, which names the entries.

import { build } from "esbuild";
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const ENTRIES = {
  main: "src/main.tsx",
  style: "src/style.css",
  "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
  "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
};
const STAGING = "dist.building";

// graphiql/style.css holds Monaco's style already.
const withoutMonacoStyle = {
  name: "without-monaco-style",
  setup({ onLoad }) {
    onLoad({ filter: /monaco-editor[\\/]esm[\\/].*\.css$/ }, () => ({ contents: "", loader: "empty" }));
  },
};

rmSync(STAGING, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: Object.entries(ENTRIES).map(([out, input]) => ({ out, in: input })),
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  outdir: `${STAGING}/assets`,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "eof",
  metafile: true,
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  // The old names are CommonJS, of which an import sees only `default`.
  alias: {
    "prettier/parser-babel": "prettier/plugins/babel",
    "prettier/parser-graphql": "prettier/plugins/graphql",
  },
  plugins: [withoutMonacoStyle],
  logLevel: "warning",
});

const manifest = {};
for (const [path, output] of Object.entries(metafile.outputs)) {
  const name = Object.keys(ENTRIES).find((name) => output.entryPoint?.endsWith(ENTRIES[name]));
  if (name) manifest[name] = path.slice(`${STAGING}/assets/`.length);
}
manifest.licences = writeHashed("licences", "txt", licences(Object.keys(metafile.inputs)));

const files = readdirSync(`${STAGING}/assets`).sort();
for (const file of files) {
  const path = `${STAGING}/assets/${file}`;
  const content = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22 };
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: quality }));
}
writeFileSync(`${STAGING}/manifest.json`, JSON.stringify({ ...manifest, files }, null, 2) + "\n");

// A server that runs meanwhile sees the old build or the new one.
rmSync("dist", { recursive: true, force: true });
renameSync(STAGING, "dist");

function writeHashed(name, extension, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  writeFileSync(`${STAGING}/assets/${name}-${hash}.${extension}`, text);
  return `${name}-${hash}.${extension}`;
}

// The licence of every package that a file was bundled from.
function licences(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const match = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
    if (match) folders.add(match[1]);
  }
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : "(no text in the package)";
    return `${name} ${version} (${license ?? "see below"})\n\n${text}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
