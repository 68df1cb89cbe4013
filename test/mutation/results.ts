// Verdicts, kept as they are reached, so that a run that was broken off goes on where it was. A line of the file is one verdict;
// a later one of the same mutant counts.

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Verdict } from "./judge.ts";
import type { Mutant } from "./plant.ts";

export class Results {
  readonly #file: string;
  readonly #known = new Map<string, Verdict>();

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").split("\n")) {
      if (line === "") continue;
      const { id, ...verdict } = JSON.parse(line) as Verdict & { id: string };
      this.#known.set(id, verdict);
    }
  }

  of({ id }: Mutant): Verdict | undefined {
    return this.#known.get(id);
  }

  keep({ id }: Mutant, verdict: Verdict): void {
    this.#known.set(id, verdict);
    appendFileSync(this.#file, `${JSON.stringify({ id, ...verdict })}\n`);
  }
}
