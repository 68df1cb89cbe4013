// Runs one kind of test of the whole tree, or of the paths given after it; a path behind "!" is left out. The kind is in the file
// name: `x.test.ts` needs nothing but Node; `x.process.test.ts` starts real members; `x.sim.test.ts`
// is a longer simulation; `x.interop.test.ts` needs a real peer program and skips, saying which.

import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const kinds = ["process", "sim", "interop"] as const;
const [first, ...rest] = process.argv.slice(2);
const kind = kinds.find((k) => k === first);
const given = kind === undefined && first !== undefined ? [first, ...rest] : rest;
const paths = given.filter((path) => !path.startsWith("!"));
const leftOut = given.filter((path) => path.startsWith("!")).map((path) => path.slice(1));

const files = globSync("{packages,examples,tools,test,bench}/**/*.test.ts", {
  exclude: (name) => name === "node_modules",
})
  .filter((file) => {
    const own = kinds.find((k) => file.endsWith(`.${k}.test.ts`));
    return own === kind;
  })
  .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
  .filter((file) => !leftOut.some((path) => file.startsWith(path)))
  .sort();

if (files.length === 0) {
  console.error(`no ${kind ?? "unit"} test matches ${given.join(" ") || "the tree"}`);
  process.exit(1);
}
const concurrency = kind === undefined ? [] : ["--test-concurrency=1"];
const run = spawnSync(process.execPath, ["--test", ...concurrency, ...files], { stdio: "inherit" });
process.exit(run.status ?? 1);
