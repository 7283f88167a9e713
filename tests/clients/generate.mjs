// graphql-codegen: a TypeScript module for a schema and its operations.
// `node generate.mjs SDL OPERATIONS-DIRECTORY OUTPUT`

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as typescriptOperations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

// Our scalars travel as strings, all but these.
const scalars = { Count: "number", JSON: "unknown" };

const [sdl, operations, output] = process.argv.slice(2);
const names = (await readdir(operations)).filter((name) => name.endsWith(".graphql")).sort();
const documents = await Promise.all(
  names.map(async (name) => {
    const location = join(operations, name);
    return { location, document: parse(await readFile(location, "utf8")) };
  }),
);
const generated = await codegen({
  filename: output,
  schema: parse(await readFile(sdl, "utf8")),
  documents,
  plugins: [{ typescriptOperations: {} }, { typedDocumentNode: {} }],
  pluginMap: { typescriptOperations, typedDocumentNode },
  config: {
    scalars,
    defaultScalarType: "string",
    useTypeImports: true,
    documentMode: "string",
  },
});
await writeFile(output, generated);
