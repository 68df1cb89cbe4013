// The completion scripts as the shells themselves read them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { commands } from "./commands.ts";
import { writeCompletion } from "./completion.ts";

const directory = mkdtempSync(join(tmpdir(), "althing-completion-"));
after(() => rmSync(directory, { recursive: true }));

function whyMissing(shell: string): string | false {
  const isThere = spawnSync(shell, ["-c", "true"]).error === undefined;
  return isThere ? false : `${shell} is not installed`;
}

function run(shell: "zsh" | "fish", script: string): string[] {
  const file = join(directory, `althing.${shell}`);
  writeFileSync(file, writeCompletion(shell, commands));
  const done = spawnSync(shell, ["-c", script.replaceAll("FILE", file)], { encoding: "utf8" });
  assert.equal(done.stderr, "");
  assert.equal(done.status, 0);
  return done.stdout.split("\n").filter((line) => line !== "");
}

test("fish completes commands, options and values", { skip: whyMissing("fish") }, () => {
  const complete = (line: string) =>
    run("fish", `source FILE; complete -C '${line}'`).map((found) => found.split("\t")[0]);
  assert.deepEqual(complete("althing st"), ["start", "status"]);
  assert.deepEqual(complete("althing get k --pref"), ["--prefix"]);
  assert.deepEqual(complete("althing get k --output j"), ["json"]);
});

test("zsh takes its script", { skip: whyMissing("zsh") }, () => {
  assert.deepEqual(run("zsh", "compdef() { print bound $2 }; source FILE"), ["bound althing"]);
});
