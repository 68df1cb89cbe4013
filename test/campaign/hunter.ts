// What hunts, as a campaign sees it: something that has turns, each one process. What comes out is counted, and
// what breaks is a finding.

import type { Counts } from "./ledger.ts";

export interface Hunter {
  /** "seeds raft": its counts in the ledger stand under this name. */
  readonly name: string;
  /** Of the time, compared with the others'. */
  readonly share: number;
  /** Its turn number N, of about so many seconds; undefined when there is nothing left to do. */
  turn(number: number, seconds: number, found: (finding: Finding) => void): Turn | undefined;
}

export interface Turn {
  /** What follows `node`, from the root of the repository. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is ended then, and what it has not said by then does not count. */
  readonly secondsMax: number;
  line?(text: string, counts: Counts): void;
  /** Of one that ended by itself. */
  ended(
    code: number,
    output: { readonly stdout: string; readonly stderr: string },
    counts: Counts,
  ): void;
}

export interface Finding {
  readonly by: string;
  readonly property: string;
  /** Where in the code, or in which words. Two findings of one property and place are one bug. */
  readonly place: string;
  readonly detail: string;
  /** The one command that shows it again. */
  readonly replay: string;
  /** How to make it small; `file` is written anew as a scenario. */
  readonly shrink?: (file: string) => {
    readonly command: readonly string[];
    readonly replay: string;
  };
  /** Worth keeping as it is: an input, a script. */
  readonly text?: string;
}

/** A program that ended as none of its verdicts: the machinery itself is broken, and proves nothing. */
export function brokenMachinery(
  by: string,
  code: number,
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
  replay: string,
): Finding {
  const words = (stderr.trim() || stdout.trim()).split("\n");
  const said = words.find((line) => /error/i.test(line)) ?? words.at(-1) ?? "";
  return {
    by,
    property: "machinery",
    place: by,
    detail: `ended with ${code}: ${said.slice(0, 200)}`,
    replay,
    text: `${stdout}\n${stderr}`,
  };
}

/** Words without what differs from run to run: numbers, ids, what is quoted. */
export function placeOfWords(text: string): string {
  return (text.split("\n")[0] ?? "")
    .replace(/"[^"]*"|'[^']*'/g, '""')
    .replace(/\b0x[0-9a-f]+\b|\b[0-9a-f]{12,}\b/g, "#")
    .replace(/\bm?\d+(\.\d+)?\b/g, "#")
    .replace(/\b[a-g](?=[ ,:]|$)/g, "@")
    .replace(/#([,; ]+#)+/g, "#")
    .slice(0, 160);
}
