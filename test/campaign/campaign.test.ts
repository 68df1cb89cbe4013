// What a campaign does with those that hunt, whatever they hunt: turns for all, each bug once, an end that can be gone
// on from. The hunters here are programs of one line.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Bugs, bugLine } from "./bugs.ts";
import { Campaign } from "./campaign.ts";
import { brokenMachinery, type Finding, type Hunter, placeOfWords } from "./hunter.ts";
import { add, type Ledger, newLedger, readLedger } from "./ledger.ts";
import { summaryText } from "./summary.ts";

const finding: Finding = {
  by: "seeds raft",
  property: "durability",
  place: "raft: index # is gone",
  detail: "index 7 is gone",
  replay: "npm run sim -- --seed 7",
};

/** So many turns, each a program that says a line. */
function saying(name: string, turns: number, order: string[]): Hunter {
  return {
    name,
    share: 1,
    turn(number) {
      if (number >= turns) return undefined;
      order.push(name);
      return {
        command: ["--eval", "console.log('done')"],
        secondsMax: 60,
        line: (_text, counts) => add(counts, "lines"),
        ended: (code, _output, counts) => add(counts, `ended ${code}`),
      };
    },
  };
}

function prepared(hunters: readonly Hunter[], known?: Ledger, minutes = 5) {
  const folder = mkdtempSync(join(tmpdir(), "althing-campaign-"));
  const ledger = known ?? newLedger("v1", 1);
  const said: string[] = [];
  const campaign = new Campaign(hunters, ledger, new Bugs(folder, ledger.bugs), {
    folder,
    totalMs: minutes * 60_000,
    workers: 1,
    say: (line) => said.push(line),
    whyStale: () => undefined,
  });
  return { campaign, folder, ledger, said };
}

test("everybody has a turn before anybody has a second, and it ends when nothing is left to do", async () => {
  const order: string[] = [];
  const hunters = [saying("a", 2, order), saying("b", 1, order), saying("c", 1, order)];
  const { campaign, ledger } = prepared(hunters);
  assert.equal(await campaign.run(), undefined);
  assert.deepEqual(order, ["a", "b", "c", "a"]);
  assert.deepEqual(ledger.counts["a"], { lines: 2, "ended 0": 2 });
});

test("who goes on begins where the ledger ends, and has the time that is left", async () => {
  const order: string[] = [];
  const first = prepared([saying("a", 1, order)]);
  await first.campaign.run();
  const known = readLedger(first.folder);
  assert.deepEqual(known?.turns, { a: 1 });
  assert.ok(known.elapsedMs > 0);
  const second = prepared([saying("a", 2, order)], known);
  await second.campaign.run();
  assert.deepEqual(second.ledger.counts["a"], { lines: 2, "ended 0": 2 });
  const over = prepared([saying("a", 3, order)], { ...second.ledger, elapsedMs: 5 * 60_000 });
  await over.campaign.run();
  assert.deepEqual(order, ["a", "a"]);
});

test("a campaign that is stopped ends what runs, and does not take that for a verdict", async () => {
  let hasBegun = () => {};
  const begun = new Promise<void>((resolve) => {
    hasBegun = resolve;
  });
  const endless: Hunter = {
    name: "endless",
    share: 1,
    turn: () => ({
      command: ["--eval", "console.log('begun'); setInterval(() => {}, 1000)"],
      secondsMax: 600,
      line: () => hasBegun(),
      ended: () => assert.fail("it has not ended by itself"),
    }),
  };
  const { campaign, folder } = prepared([endless]);
  const running = campaign.run();
  await begun;
  campaign.stop("interrupted");
  assert.equal(await running, "interrupted");
  assert.deepEqual(readLedger(folder)?.turns, { endless: 1 });
});

test("findings of one property and one place are one bug, which is made small once", async () => {
  const shrink = (file: string) => ({
    command: ["--eval", `require("node:fs").writeFileSync(${JSON.stringify(file)}, "{}")`],
    replay: `replay ${file}`,
  });
  const hunter: Hunter = {
    name: "seeds raft",
    share: 1,
    turn(number, _seconds, found) {
      if (number > 0) return undefined;
      return {
        command: ["--eval", ""],
        secondsMax: 60,
        ended() {
          found({ ...finding, shrink });
          found({ ...finding, detail: "index 9 is gone", replay: "npm run sim -- --seed 9" });
          found({ ...finding, place: "raft: elsewhere" });
        },
      };
    },
  };
  const { campaign, ledger, folder, said } = prepared([hunter]);
  await campaign.run();
  assert.deepEqual(
    ledger.bugs.map(({ times, place }) => [times, place]),
    [
      [2, finding.place],
      [1, "raft: elsewhere"],
    ],
  );
  assert.match(said[0]!, /^bug 1 {2}seeds raft: durability: index 7 is gone {2}\| {2}npm run sim/);
  assert.equal(ledger.bugs[0]?.small, `replay ${join(folder, "bugs", "001-durability.json")}`);
  assert.ok(existsSync(join(folder, "bugs", "001-durability.json")));
  assert.match(readFileSync(join(folder, "bugs", "001-durability.txt"), "utf8"), /replay: npm run/);
  assert.match(bugLine(ledger.bugs[0]!), /durability \(2 times\)/);
  assert.match(summaryText(ledger, 1), /\n2 bugs$/);
});

test("a program that ends as none of its verdicts is a finding", () => {
  const output = { stdout: "", stderr: "at x\nTypeError: y is not a function\n" };
  const { property, detail } = brokenMachinery("plans raft", 7, output, "again");
  assert.equal(property, "machinery");
  assert.equal(detail, "ended with 7: TypeError: y is not a function");
});

test("the place of words is the same whatever numbers and members they name", () => {
  const one = placeOfWords("m2 acknowledged up to index 1; on its disk is 0\nand more");
  assert.equal(one, placeOfWords("m0 acknowledged up to index 17; on its disk is 16"));
  assert.notEqual(one, placeOfWords("m0 applied up to index 17; on its disk is 16"));
  assert.equal(placeOfWords("b counts on a for 4"), placeOfWords("c counts on b for 12"));
});
