// Runs the load generator as a process of its own.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { GeneratorPlan } from "./load/generator.ts";
import type { LoadResult } from "./load/plan.ts";

const generator = fileURLToPath(new URL("load/generator.ts", import.meta.url));

export function generate(plan: GeneratorPlan): Promise<LoadResult> {
  const child = spawn(process.execPath, [generator, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part: Buffer) => {
    text += part.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(text) as LoadResult);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
