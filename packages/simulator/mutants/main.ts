// `npm run sim:mutants -- [name ... | --part K/N] [--seconds-each S]`: hunts every mutant, or those, or every Nth from the
// Kth on, and prints what caught it, and after how many tries. Fails if one survives: then a promise is broken and nobody
// notices. With a limit of time for each, one that is not found yet says little: then it fails if more than half are not.

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { mutants } from "./all.ts";
import type { Hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { chosenOf, limitOf } from "./sample.ts";

const { wanted, secondsEach } = limitOf(process.argv.slice(2));
const chosen = chosenOf(mutants, wanted);
if (chosen.length === 0) {
  process.stderr.write(`there is no mutant ${wanted.join(" ")}\n`);
  process.exit(3);
}
const results = new Map<string, Hunt | string>();
const waiting = [...chosen];
const workers = Number(process.env["WORKERS"] ?? availableParallelism());
await Promise.all(Array.from({ length: workers }, work));

const rows = chosen.map((mutant) => rowOf(mutant, results.get(mutant.name)));
const widths = [0, 1, 2].map((column) =>
  Math.max(...rows.map((row) => (row[column] ?? "").length)),
);
process.stdout.write("\n");
for (const row of rows) {
  const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
}
const survivors = chosen.filter(({ name }) => {
  const hunt = results.get(name);
  return hunt === undefined || typeof hunt === "string" || !hunt.caught;
});
process.stdout.write(`\n${chosen.length - survivors.length} of ${chosen.length} caught\n`);
const late = survivors.filter(({ name }) => results.get(name) === undefined);
const mayBeMissing = secondsEach === undefined ? 0 : Math.floor(chosen.length / 2);
const isBroken = survivors.length > late.length || late.length > mayBeMissing;
process.exitCode = isBroken ? 1 : 0;

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const hunt = await huntOne(mutant);
    if (hunt !== undefined) results.set(mutant.name, hunt);
    process.stderr.write(`${rowOf(mutant, hunt).join("  ")}\n`);
  }
}

/** Undefined: its time was over. */
function huntOne(mutant: Mutant): Promise<Hunt | string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [
        "--import",
        new URL("./patch.ts", import.meta.url).href,
        new URL("./hunt.ts", import.meta.url).pathname,
      ],
      { env: { ...process.env, ALTHING_MUTANT: mutant.name }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let output = "";
    let errors = "";
    let isLate = false;
    const timer =
      secondsEach === undefined
        ? undefined
        : setTimeout(() => {
            isLate = true;
            child.kill("SIGKILL");
          }, secondsEach * 1000);
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.on("close", () => {
      clearTimeout(timer);
      if (isLate) return resolve(undefined);
      try {
        resolve(JSON.parse(output) as Hunt);
      } catch {
        resolve(errors.split("\n").find((line) => line.includes("Error")) ?? "did not run");
      }
    });
  });
}

function rowOf(mutant: Mutant, hunt: Hunt | string | undefined): string[] {
  if (hunt === undefined) return [mutant.name, "not yet", `${secondsEach} s`, mutant.about];
  if (typeof hunt === "string") return [mutant.name, "BROKEN", "", hunt];
  const tries = hunt.tries === "seeds" || hunt.tries === "plans" ? `${hunt.count} ` : "";
  const effort = `${tries}${hunt.tries}, ${hunt.seconds.toFixed(1)} s`;
  if (!hunt.caught) return [mutant.name, "SURVIVED", effort, mutant.about];
  return [mutant.name, hunt.property, effort, hunt.detail.slice(0, 100)];
}
