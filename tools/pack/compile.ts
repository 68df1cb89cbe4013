// TypeScript sources into JavaScript that any Node runs below node_modules: types are blanked, so that every
// line and column stays, and the names of files and of packages of ours become paths inside the package.

import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative } from "node:path";
import { manifestOf } from "./plan.ts";

/** Where the sources of a room lie in the package that is being made. */
export type Places = ReadonlyMap<string, string>;

/** `place` is the file's own in the package, `text` its source. */
export function compileSource(place: string, text: string, places: Places): string {
  return renameImports(place, stripTypeScriptTypes(text, { mode: "strip" }), places);
}

/** Declarations come from the compiler already. */
export function compileDeclarations(place: string, text: string, places: Places): string {
  return renameImports(place, text, places).replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
}

const specifier = /(\bfrom\s*|\bimport\s*\(\s*|^import\s*|\bnew URL\(\s*)(["'])([^"']+)\2/gm;

function renameImports(place: string, text: string, places: Places): string {
  return text.replace(specifier, (whole, before: string, quote: string, name: string) => {
    const renamed = name.startsWith(".")
      ? name.replace(/\.ts$/, ".js")
      : name.startsWith("@althing/")
        ? pathTo(place, name, places)
        : name;
    return renamed === name ? whole : `${before}${quote}${renamed}${quote}`;
  });
}

/** `@althing/store/disk` → ../store/disk/index.js, as its package.json says. */
function pathTo(place: string, name: string, places: Places): string {
  const [, room = "", ...entry] = name.split("/");
  const target = manifestOf(room).exports[[".", ...entry].join("/")];
  const folder = places.get(room);
  if (target === undefined || folder === undefined) throw new Error(`${place} imports ${name}`);
  const file = join(folder, target.replace(/^\.\/src\//, "").replace(/\.ts$/, ".js"));
  const path = relative(dirname(place), file);
  return path.startsWith(".") ? path : `./${path}`;
}
