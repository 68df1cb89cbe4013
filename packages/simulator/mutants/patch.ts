// Preloaded into the process that hunts one mutant: alters the sources named by ALTHING_MUTANT while
// they are loaded. Fails if a file that the mutant alters is never loaded as expected.

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { mutants } from "./all.ts";
import { mutate } from "./mutant.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const name = process.env["ALTHING_MUTANT"];
const mutant = mutants.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`no mutant is named ${name}`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith("file:")) return loaded;
    const file = fileURLToPath(url).slice(root.length);
    if (!mutant.edits.some((edit) => edit.file === file)) return loaded;
    const source = `${loaded.source}`;
    return { ...loaded, source: mutate(mutant, file, source) };
  },
});
