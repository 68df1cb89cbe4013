// The targets, each a module of its own that exports `target` under the name of its file.

import { readdirSync } from "node:fs";

const folder = new URL("./targets/", import.meta.url);

export const targetNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length))
  .sort();

export function targetModule(name: string): string {
  return new URL(`${name}.ts`, folder).href;
}
