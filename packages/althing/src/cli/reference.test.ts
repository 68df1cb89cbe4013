// The documents say what the program does, because they are compared with it.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { commands } from "./commands.ts";
import { referenceOfCommands, referenceOfExitCodes, referenceOfFlags } from "./reference.ts";

function path(name: string): string {
  return fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url));
}

function checkSection(document: string, section: string, expected: string): void {
  const begin = `<!-- ${section}: written by the program, see reference.test.ts -->\n`;
  const end = `\n<!-- end of ${section} -->`;
  const text = readFileSync(path(document), "utf8");
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  assert.ok(text.includes(begin) && to >= from, `${document} has no section ${section}`);
  if (process.env["UPDATE"] === "1") {
    writeFileSync(path(document), text.slice(0, from) + expected + text.slice(to));
    return;
  }
  assert.equal(
    unpadded(text.slice(from, to)),
    unpadded(expected),
    `run this test with UPDATE=1, then the formatter, to renew ${document}`,
  );
}

/** The formatter pads the cells of a table, and moves lines that begin a little to the right; that says nothing. */
function unpadded(text: string): string {
  return text
    .replace(/ *\| */g, "|")
    .replace(/\|-+(?=\|)/g, "|-")
    .replace(/^ {1,3}(?=\S)/gm, "");
}

test("docs/configuration.md lists every flag as it is", () => {
  checkSection("configuration.md", "flags", referenceOfFlags());
});

test("docs/cli.md lists every command and option as it is", () => {
  checkSection("cli.md", "commands", referenceOfCommands(commands));
});

test("docs/cli.md lists every exit code", () => {
  checkSection("cli.md", "exit codes", referenceOfExitCodes());
});
