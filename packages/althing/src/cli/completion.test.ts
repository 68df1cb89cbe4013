import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { commands } from "./commands.ts";
import { writeCompletion } from "./completion.ts";

function missing(shell: string): string | false {
  return spawnSync(shell, ["-c", "true"]).error === undefined ? false : `${shell} is not installed`;
}

function completeInBash(...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${writeCompletion("bash", commands)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _althing; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const run = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  assert.equal(run.stderr, "");
  return run.stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, options and values", { skip: missing("bash") }, () => {
  assert.deepEqual(completeInBash("althing", "st"), ["start", "status"]);
  assert.deepEqual(completeInBash("althing", "member", ""), [
    "list",
    "add",
    "remove",
    "update",
    "promote",
  ]);
  assert.deepEqual(completeInBash("althing", "user", "grant"), ["grant-role"]);
  assert.deepEqual(completeInBash("althing", "completion", ""), ["bash", "zsh", "fish"]);
  assert.deepEqual(completeInBash("althing", "get", "k", "--pre"), ["--prefix"]);
  assert.deepEqual(completeInBash("althing", "start", "--initial-cluster-s"), [
    "--initial-cluster-state",
  ]);
  assert.deepEqual(completeInBash("althing", "get", "k", "--output", ""), [
    "plain",
    "table",
    "json",
    "jsonl",
    "yaml",
  ]);
  assert.deepEqual(completeInBash("althing", "member", "list", "--endp"), ["--endpoints"]);
  assert.deepEqual(completeInBash("althing", "member", "add", "m4", "--peer"), ["--peer-urls"]);
});

test("every command and option is in every script", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = writeCompletion(shell, commands);
    for (const command of commands) {
      for (const word of command.name.split(" ")) assert.ok(script.includes(word), word);
      for (const option of command.options) assert.ok(script.includes(option.name), option.name);
    }
  }
});
