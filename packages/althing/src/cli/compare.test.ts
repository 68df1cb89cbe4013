// `althing compare` refuses what it cannot do before it measures anything for minutes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareCommand } from "./compare.ts";
import { CliError, exitCode } from "./exit-codes.ts";

const refused: readonly (readonly [readonly string[], string])[] = [
  [
    ["--protocols", "raft,viewstamped"],
    'there is no protocol "viewstamped"; there are raft, paxos, zab',
  ],
  [["--members", "2"], "--members must be from 3 to 9"],
  [["--runs", "many"], '--runs must be a whole number, not "many"'],
  [["--real", "--svg", "chart.svg"], "--svg draws simulated figures only"],
  [["raft"], 'there is nothing to do with "raft"'],
];

for (const [args, message] of refused) {
  test(`compare ${args.join(" ")}: ${message}`, async () => {
    const error = await compareCommand.run(args).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof CliError);
    assert.deepEqual([error.exitCode, error.message], [exitCode.usage, message]);
  });
}
