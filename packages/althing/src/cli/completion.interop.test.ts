// The completion scripts as the shells themselves read them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { commands } from "./commands.ts";
import { writeCompletion } from "./completion.ts";

for (const shell of ["zsh", "fish"] as const) {
  const isMissing = spawnSync(shell, ["-c", "true"]).error !== undefined;
  test(`${shell} takes its script`, { skip: isMissing && `${shell} is not installed` }, () => {
    const run = spawnSync(shell, ["-n"], { input: writeCompletion(shell, commands) });
    assert.equal(run.stderr.toString(), "");
    assert.equal(run.status, 0);
  });
}
