// Every parser that sees bytes from outside, one target a turn.

import { targetNames } from "../../fuzz/targets.ts";
import type { Hunter } from "../hunter.ts";
import { placeOfWords } from "../hunter.ts";
import { add } from "../ledger.ts";
import { programs } from "../paths.ts";

export function fuzzing(seed: number, share: number): Hunter {
  const name = "fuzz";
  return {
    name,
    share,
    turn(number, seconds, found) {
      const target = targetNames[number % targetNames.length]!;
      // Whole, because it is told again in the command that shows a finding.
      const whole = `${Math.max(1, Math.round(seconds))}`;
      const own = ["--seconds", whole, "--target", target, "--seed", `${(seed + number) >>> 1}`];
      return {
        command: [programs.fuzz, ...own],
        secondsMax: 2 * seconds + 180,
        ended(code, { stdout, stderr }, counts) {
          add(counts, "turns");
          const [, inputs = "0"] = new RegExp(`${target}: (\\d+) inputs`).exec(stdout) ?? [];
          add(counts, "inputs", Number(inputs));
          if (code === 0) return;
          const lines = stdout.split("\n");
          const [headline = "", fault = stderr] = lines.slice(
            lines.findIndex((line) => line.startsWith("FAILED")),
          );
          const isIdle = fault.startsWith("only ");
          const frame = /(packages\/[^\s:]+\.ts:\d+)/.exec(stdout)?.[1];
          found({
            by: name,
            property: isIdle ? "too few inputs" : `fuzz ${headline.split(/[ :]+/)[1] ?? target}`,
            place: frame ?? placeOfWords(fault),
            detail: fault,
            replay: `npm run fuzz -- ${own.join(" ")}`,
            text: `${stdout}\n${stderr}`,
          });
        },
      };
    },
  };
}
