// Everything that three cores can do within bounds. First what is known to come to an end; then bounds that are
// drawn, each as far as its turn lasts, which is in all ways of a few moves what plans are in some of many.

import { type Bounds, suites } from "@althing/simulator/explore";
import { randomOf } from "../../../packages/consensus/src/testing/random-run.ts";
import { brokenMachinery, type Hunter, placeOfWords } from "../hunter.ts";
import { add, type Exploration } from "../ledger.ts";
import { programs } from "../paths.ts";

/** So many states fit into two gigabytes. */
const statesMax = "20000000";
/** Those of the large suite take minutes; in a campaign of minutes they have no place. */
const turnSecondsOfSuite = 20;
const chapterSecondsMax = 1800;
const safetyCode = 11;
const undecidedCode = 13;

export function explorationsOf(
  protocol: string,
  seed: number,
  share: number,
  explored: Exploration[],
): Hunter {
  const name = `explore ${protocol}`;
  /** One of the suite that is still to come, with the number of its states. */
  const chapter = () => {
    const own = suites.large.filter((one) => one.protocol === protocol);
    return own.find(({ bounds }) => !explored.some((done) => isOf(done, protocol, bounds)));
  };
  return {
    name,
    share,
    turn(number, seconds, found) {
      const known = seconds >= turnSecondsOfSuite ? chapter() : undefined;
      const limit = known === undefined ? seconds : chapterSecondsMax;
      const bounds = flagsOf(known?.bounds ?? drawBounds(randomOf(seed * 31 + number)));
      const flags = ["--protocol", protocol, ...bounds, "--states", statesMax];
      return {
        command: [programs.althing, "sim", "explore", ...flags, "--minutes", `${limit / 60}`],
        secondsMax: 2 * limit + 300,
        ended(code, output, counts) {
          const { stdout } = output;
          const again = `npm run sim -- explore ${flags.join(" ")}`;
          const [, text] = /^(\d+) states by /m.exec(stdout) ?? [];
          if (text === undefined || ![0, safetyCode, undecidedCode].includes(code)) {
            found(brokenMachinery(name, code, output, again));
            return;
          }
          const states = Number(text);
          const isComplete = code === 0;
          add(counts, "explorations");
          add(counts, "states", states);
          if (isComplete) add(counts, "complete");
          explored.push({ protocol, bounds: bounds.join(" "), states, isComplete });
          if (isComplete && known !== undefined && states !== known.states) {
            const detail = `${states} states, and there were ${known.states} before`;
            found({ by: name, property: "states", place: again, detail, replay: again });
          }
          if (code !== safetyCode) return;
          // After the lines that tell how much there was: what is broken, and the script.
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

function isOf(done: Exploration, protocol: string, bounds: Partial<Bounds>): boolean {
  return done.protocol === protocol && done.bounds === flagsOf(bounds).join(" ");
}

/** No flag for what is not bounded. */
function flagsOf(bounds: Partial<Bounds>): string[] {
  return Object.entries(bounds)
    .filter(([, count]) => Number.isFinite(count))
    .flatMap(([bound, count]) => [`--${bound}`, `${count}`]);
}

/** More is explored to the end when less may happen, so most draws leave most things out. */
function drawBounds(random: () => number): Partial<Bounds> {
  const upTo = (most: number) => Math.floor(random() ** 2 * (most + 1));
  const inOrder = random() < 0.7;
  return {
    terms: 1 + upTo(2),
    entries: upTo(3),
    crashes: upTo(2),
    drops: upTo(2),
    installs: upTo(1),
    memberships: upTo(2),
    transfers: upTo(1),
    beats: upTo(1),
    reads: upTo(1),
    leases: upTo(1),
    joiners: upTo(1),
    ...(inOrder && { delays: upTo(2) }),
  };
}
