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
  assert.deepEqual(complete("althing get k --output j"), ["json", "jsonl"]);
  assert.deepEqual(complete("althing member "), ["add", "list", "promote", "remove", "update"]);
  assert.deepEqual(complete("althing member add m4 --peer"), ["--peer-urls"]);
});

test("zsh takes its script", { skip: whyMissing("zsh") }, () => {
  assert.deepEqual(run("zsh", "compdef() { print bound $2 }; source FILE"), ["bound althing"]);
});

test("zsh is told what follows each word", { skip: whyMissing("zsh") }, () => {
  // What the completion system would offer, in the place of its menus.
  const offered = (...words: string[]) =>
    run(
      "zsh",
      `compdef() { }; source FILE
_describe() { print -l \${(P)2} }
_arguments() { print -l -- "$@" }
words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}; _althing`,
    );
  const seconds = offered("althing", "member", "").map((line) => line.split(":")[0]);
  assert.deepEqual(seconds, ["list", "add", "remove", "update", "promote"]);
  assert.ok(offered("althing", "").some((line) => line.startsWith("member:")));
  assert.ok(
    offered("althing", "member", "add", "").some((line) => line.startsWith("--peer-urls[")),
  );
  assert.ok(offered("althing", "get", "").some((line) => line.startsWith("--prefix[")));
});
