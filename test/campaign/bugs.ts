// What was found, each bug once: a file that tells it, a small scenario where there is one, and the command that
// shows it again. Two findings of one property and one place are one bug.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "./hunter.ts";
import type { Bug } from "./ledger.ts";

const replaysMax = 5;

export class Bugs {
  readonly #folder: string;
  readonly #bugs: Bug[];

  constructor(folder: string, bugs: Bug[]) {
    this.#folder = join(folder, "bugs");
    this.#bugs = bugs;
  }

  /** The bug, if it is one that was not known before. */
  add(finding: Finding): Bug | undefined {
    const { by, property, place, detail, replay } = finding;
    const known = this.#bugs.find((bug) => bug.property === property && bug.place === place);
    if (known !== undefined) {
      known.times++;
      if (known.replays.length < replaysMax) known.replays.push(replay);
      return undefined;
    }
    const number = this.#bugs.length + 1;
    const bug: Bug = {
      number,
      by,
      property,
      place,
      detail: detail.slice(0, 500),
      times: 1,
      replays: [replay],
    };
    this.#bugs.push(bug);
    mkdirSync(this.#folder, { recursive: true });
    const told = [`${by}: ${property}`, `at ${place}`, detail, `replay: ${replay}`];
    const text = [...told, ...(finding.text === undefined ? [] : ["", finding.text])].join("\n");
    writeFileSync(this.fileOf(bug, "txt"), `${text}\n`);
    return bug;
  }

  fileOf({ number, property }: Bug, ending: "txt" | "json"): string {
    const words = property.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const name = `${`${number}`.padStart(3, "0")}-${words.slice(0, 40)}`;
    return join(this.#folder, `${name}.${ending}`);
  }
}

/** One line, with the command that shows it again. */
export function bugLine({ number, by, property, detail, times, replays, small }: Bug): string {
  const [first = ""] = detail.split("\n");
  const often = times === 1 ? "" : ` (${times} times)`;
  const what = `bug ${number}  ${by}: ${property}${often}: ${first.slice(0, 120)}`;
  return [what, replays[0], ...(small === undefined ? [] : [`small: ${small}`])].join("  |  ");
}
