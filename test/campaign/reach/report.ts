// What plans and seeds reach of the cores in so much time: cells (a role, what it was asked, in the midst of what), effects,
// reasons of refusal, and which code never ran. What was not reached is listed, but for what cannot be (impossible.ts).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.ts";
import { start } from "../process.ts";
import type { Unrun } from "./branches.ts";
import { type Cell, cellsOf, conditions, effectKinds, nameOfCell, rejectReasons } from "./cells.ts";
import { whyImpossible } from "./impossible.ts";
import type { Look } from "./look.ts";
import type { Times } from "./observed.ts";

type ProtocolName = "raft" | "paxos" | "zab";

export interface ReachReport {
  readonly text: string;
  /** A look that broke off, or a cell that was reached although it cannot be. */
  readonly isBroken: boolean;
  readonly looks: readonly Look[];
}

export async function reportReach(
  protocols: readonly ProtocolName[],
  { seconds, seed, workers }: { seconds: number; seed: number; workers: number },
): Promise<ReachReport> {
  const waiting = [...protocols];
  const looks: Look[] = [];
  const broken: string[] = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const command = ["test/campaign/reach/look.ts", name, `${seconds}`, `${seed}`];
      const { code, stdout, stderr } = await start(command, { secondsMax: 2 * seconds + 120 })
        .ended;
      if (code === 0) looks.push(JSON.parse(stdout) as Look);
      else broken.push(`${name}: ${stderr.trim()}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  looks.sort(
    (one, other) =>
      protocols.indexOf(one.protocol as ProtocolName) -
      protocols.indexOf(other.protocol as ProtocolName),
  );
  const wrong = looks.flatMap(wrongArguments);
  const lines = [
    ...looks.flatMap(linesOf),
    ...unrunLines(looks),
    ...wrong,
    ...broken,
    `seed ${seed}, ${seconds} s for each protocol`,
  ];
  return { text: lines.join("\n"), isBroken: wrong.length + broken.length > 0, looks };
}

function linesOf({ protocol, plans, seeds, cells, effects, reasons }: Look): string[] {
  const possible = cellsOf(protocol as ProtocolName).filter(
    (cell) => whyImpossible(cell) === undefined,
  );
  const missed = possible.filter((cell) => cells[nameOfCell(cell)] === undefined);
  return [
    `${protocol}: ${possible.length - missed.length} of ${possible.length} cells reached by ${plans} plans and ${seeds} seeds`,
    `  ${conditions.map((when) => shareOf(when, possible, missed)).join(", ")}`,
    ...missing("effects", effectKinds, effects),
    ...missing("reasons of refusal", rejectReasons, reasons),
    ...(missed.length === 0 ? [] : ["  never asked:", ...grouped(missed)]),
    "",
  ];
}

function shareOf(when: Cell["when"], possible: readonly Cell[], missed: readonly Cell[]): string {
  const count = (cells: readonly Cell[]) => cells.filter((one) => one.when === when).length;
  const all = count(possible);
  return `${when === "" ? "neither" : when} ${all - count(missed)} of ${all}`;
}

function missing(what: string, all: readonly string[], times: Times): string[] {
  const missed = all.filter((name) => times[name] === undefined);
  const list = missed.length === 0 ? "" : `; never ${missed.join(", ")}`;
  return [`  ${all.length - missed.length} of ${all.length} ${what}${list}`];
}

/** One line for what was asked in the midst of the same, with all the roles that were not. */
function grouped(missed: readonly Cell[]): string[] {
  const groups = Map.groupBy(missed, ({ asked, when }) =>
    when === "" ? asked : `${asked} (${when})`,
  );
  return [...groups].map(
    ([asked, cells]) => `    ${asked}: ${cells.map(({ role }) => role).join(", ")}`,
  );
}

function wrongArguments({ protocol, cells }: Look): string[] {
  return cellsOf(protocol as ProtocolName).flatMap((cell) => {
    const why = whyImpossible(cell);
    if (why === undefined || cells[nameOfCell(cell)] === undefined) return [];
    return [`WRONG: ${protocol} reached ${nameOfCell(cell)}, although ${why}`];
  });
}

/** What ran under one protocol has run, whatever the others did. */
function unrunLines(looks: readonly Look[]): string[] {
  const files = [...new Set(looks.flatMap(({ unrun }) => Object.keys(unrun)))].sort();
  const lines = files.flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const all = looks.flatMap(({ unrun }) => (unrun[file] === undefined ? [] : [unrun[file]]));
    return common(all, source.length).flatMap(([from, to]) => lineOf(file, source, from, to));
  });
  return [`code that never ran: ${lines.length} places in ${files.length} files`, ...lines, ""];
}

function common(all: readonly Unrun[string][], length: number): [number, number][] {
  const times = new Uint8Array(length + 1);
  for (const ranges of all) {
    for (const [from, to] of ranges) for (let at = from; at < to; at++) times[at]!++;
  }
  const found: [number, number][] = [];
  for (let at = 0; at < length; at++) {
    if (times[at] !== all.length) continue;
    const from = at;
    while (at < length && times[at] === all.length) at++;
    found.push([from, at]);
  }
  return found;
}

function lineOf(file: string, source: string, from: number, to: number): string[] {
  const text = source.slice(from, to);
  if (!/\w/.test(text)) return [];
  const begin = from + text.search(/\S/);
  const line = source.slice(0, begin).split("\n").length;
  const lineText = source.split("\n")[line - 1]!.trim();
  return [`  ${file}:${line}: ${lineText.slice(0, 100)}`];
}
