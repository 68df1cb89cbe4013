// `npm run sim:mutants -- [name ... | --part K/N]`: hunts every mutant, or those, or every Nth from the Kth on, and
// prints what caught it, and after how many tries. Fails if one survives: then a promise is broken and nobody notices.

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { mutants } from "./all.ts";
import type { Hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { chosenOf } from "./sample.ts";

const wanted = process.argv.slice(2);
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
process.exitCode = survivors.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const hunt = await huntOne(mutant);
    results.set(mutant.name, hunt);
    process.stderr.write(`${rowOf(mutant, hunt).join("  ")}\n`);
  }
}

function huntOne(mutant: Mutant): Promise<Hunt | string> {
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
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.on("close", () => {
      try {
        resolve(JSON.parse(output) as Hunt);
      } catch {
        resolve(errors.split("\n").find((line) => line.includes("Error")) ?? "did not run");
      }
    });
  });
}

function rowOf(mutant: Mutant, hunt: Hunt | string | undefined): string[] {
  if (hunt === undefined || typeof hunt === "string") {
    return [mutant.name, "BROKEN", "", hunt ?? "not hunted"];
  }
  const tries = hunt.tries === "seeds" || hunt.tries === "plans" ? `${hunt.count} ` : "";
  const effort = `${tries}${hunt.tries}, ${hunt.seconds.toFixed(1)} s`;
  if (!hunt.caught) return [mutant.name, "SURVIVED", effort, mutant.about];
  return [mutant.name, hunt.property, effort, hunt.detail.slice(0, 100)];
}
