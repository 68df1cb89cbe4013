// Everything that three cores can do within bounds. First what is known to come to an end; then bounds that are
// drawn, each as far as its turn lasts, which is in all ways of a few moves what plans are in some of many.

import { randomOf } from "../../../packages/consensus/src/testing/random-run.ts";
import { brokenMachinery, type Hunter, placeOfWords } from "../hunter.ts";
import { add, type Exploration } from "../ledger.ts";
import { programs } from "../paths.ts";

/** So many states fit into two gigabytes. */
const statesMax = "15000000";
const safetyCode = 11;
const undecidedCode = 13;

export function explorationsOf(
  protocol: string,
  seed: number,
  share: number,
  explored: (done: Exploration) => void,
): Hunter {
  const name = `explore ${protocol}`;
  return {
    name,
    share,
    turn(number, seconds, found) {
      const bounds = drawBounds(randomOf(seed * 31 + number));
      const flags = ["--protocol", protocol, ...bounds, "--states", statesMax];
      return {
        command: [programs.althing, "sim", "explore", ...flags, "--minutes", `${seconds / 60}`],
        secondsMax: 2 * seconds + 300,
        ended(code, output, counts) {
          const { stdout } = output;
          const again = `npm run sim -- explore ${flags.join(" ")}`;
          const [, states] = /^(\d+) states by /m.exec(stdout) ?? [];
          if (states === undefined || ![0, safetyCode, undecidedCode].includes(code)) {
            found(brokenMachinery(name, code, output, again));
            return;
          }
          add(counts, "explorations");
          add(counts, "states", Number(states));
          if (code === 0) add(counts, "complete");
          explored({
            protocol,
            bounds: bounds.join(" "),
            states: Number(states),
            isComplete: code === 0,
          });
          if (code !== safetyCode) return;
          // After the two lines that tell how much there was: what is broken, and the script.
          const [broken = ""] = stdout.split("\n\n").slice(1);
          found({
            by: name,
            property: placeOfWords(broken),
            place: protocol,
            detail: broken,
            replay: again,
            text: stdout,
          });
        },
      };
    },
  };
}

/** More is explored to the end when less may happen, so most draws leave most things out. */
function drawBounds(random: () => number): string[] {
  const upTo = (most: number) => Math.floor(random() ** 2 * (most + 1));
  const drawn = {
    terms: 1 + upTo(2),
    entries: upTo(2),
    crashes: upTo(2),
    drops: upTo(2),
    installs: upTo(1),
    memberships: upTo(1),
    transfers: upTo(1),
    beats: upTo(1),
  };
  return Object.entries(drawn).flatMap(([bound, count]) => [`--${bound}`, `${count}`]);
}
