// How far a long command is: one line on a terminal, rewritten in place; nothing elsewhere.

import type { Option, Parsed } from "./command.ts";
import { formatBytes } from "./print.ts";

export const quietOption: Option = {
  name: "quiet",
  short: "q",
  kind: "boolean",
  help: "No progress; there is none either where the output is no terminal",
};

export interface Progress {
  tell(done: number, all: number): void;
  /** Takes the line away. */
  end(): void;
}

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const everyMs = 100;
const clearLine = "\r\x1b[2K";

export function createProgress(
  parsed: Parsed,
  screen: Screen = process.stderr,
  nowMs: () => number = () => performance.now(),
): Progress {
  if (parsed.flag("quiet") || screen.isTTY !== true) return { tell() {}, end() {} };
  const startMs = nowMs();
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    tell(done, all) {
      const now = nowMs();
      if (now - toldMs < everyMs) return;
      toldMs = now;
      const perSecond = Math.round((1000 * done) / Math.max(1, now - startMs));
      const percent = all === 0 ? 0 : Math.floor((100 * done) / all);
      const rate = `${formatBytes(perSecond)}/s`;
      screen.write(`${clearLine}${percent}% of ${formatBytes(all)}, ${rate}`);
    },
    end() {
      if (toldMs !== Number.NEGATIVE_INFINITY) screen.write(clearLine);
    },
  };
}
