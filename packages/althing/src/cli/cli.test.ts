// What can be known of the command without a server: words in, words out.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { flags } from "@althing/server/flags";
import { type Command, parseOptions } from "./command.ts";
import { commandGroups, commands } from "./commands.ts";
import { checkData, planMembers } from "./dev.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { parseEndpoint } from "./grpc-client.ts";
import { describeCommand, describeProgram } from "./help.ts";
import { getCommand } from "./keys/get.ts";
import { keyRange, prefixEnd } from "./keys/key-range.ts";
import { cellOf, formatBytes, formatTable, textOrBase64 } from "./print.ts";
import { describeStart } from "./start-command.ts";

function refusal(run: () => unknown): CliError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    return error;
  }
  assert.fail("accepted");
}

test("the help names every command and every option, and every example is one", () => {
  const program = describeProgram(commandGroups);
  for (const command of commands) {
    assert.ok(program.includes(`  ${command.name}`), command.name);
    const text = describeCommand(command);
    assert.ok(text.includes(`Usage: althing ${command.usage}`));
    for (const option of command.options) assert.ok(text.includes(`--${option.name}`), text);
    assert.ok(command.examples.length > 0, command.name);
    for (const example of command.examples) {
      assert.match(example.command, new RegExp(`althing ${command.name}`));
    }
  }
  const start = describeStart(true);
  for (const flag of flags) assert.ok(start.includes(`--${flag.name}`), flag.name);
});

test("the examples of the help are accepted by their own parsers", () => {
  for (const command of commands.filter((one) => one.raw !== true)) {
    for (const example of command.examples) {
      const words = example.command.split(/ [<>] |\)$/)[0]!.match(/"[^"]*"|\S+/g)!;
      const start = words.indexOf("althing") + command.name.split(" ").length + 1;
      const args = words.slice(Math.max(start, 1)).map((word) => word.replaceAll('"', ""));
      if (command.name !== "completion") parseOptions(command, args);
    }
  }
});

test("a value or a word that begins with a dash is told how to be written", () => {
  const told = (...args: string[]) => refusal(() => parseOptions(getCommand, args)).message;
  const dash = "; one that begins with a dash is written --option=-...";
  assert.equal(told("k", "--limit", "-1"), `--limit needs a value${dash}`);
  assert.equal(told("k", "-o", "-x"), `-o needs a value${dash}`);
  assert.equal(told("k", "--rev"), "--rev needs a value");
  assert.equal(
    told("k", "-5"),
    "there is no option -5; write -- before words that begin with a dash",
  );
  assert.deepEqual(parseOptions(getCommand, ["--", "-5"]).words, ["-5"]);
});

test("a mistyped option is refused with the one that was meant", () => {
  const error = refusal(() => parseOptions(getCommand, ["k", "--prefx"]));
  assert.equal(error.exitCode, exitCode.usage);
  assert.equal(error.message, "there is no option --prefx; did you mean --prefix?");
  assert.deepEqual(error.hints, [
    "Usage: althing get KEY [END] [options]",
    "Help:  althing get --help",
  ]);
  const choice = refusal(() => parseOptions(getCommand, ["k", "-o", "xml"]));
  assert.equal(choice.message, "--output must be one of plain, table, json, jsonl, yaml");
});

test("ranges: a key, an end, a prefix, from a key on, everything", () => {
  const range = (args: string[]) => {
    const { key, rangeEnd } = keyRange(getCommand, parseOptions(getCommand, args));
    return [Buffer.from(key).toString("latin1"), Buffer.from(rangeEnd).toString("latin1")];
  };
  assert.deepEqual(range(["a"]), ["a", ""]);
  assert.deepEqual(range(["a", "c"]), ["a", "c"]);
  assert.deepEqual(range(["a", "--prefix"]), ["a", "b"]);
  assert.deepEqual(range(["a", "--from-key"]), ["a", "\0"]);
  assert.deepEqual(range(["", "--prefix"]), ["\0", "\0"]);
  for (const args of [[], [""], ["a", "b", "c"], ["a", "b", "--prefix"]]) {
    assert.equal(refusal(() => range(args)).exitCode, exitCode.usage);
  }
});

test("the end of a prefix is the first key after it", () => {
  const end = (...bytes: number[]) => [...prefixEnd(Uint8Array.from(bytes))];
  assert.deepEqual(end(97), [98]);
  assert.deepEqual(end(97, 255), [98]);
  assert.deepEqual(end(255, 255), [0]);
  assert.deepEqual(end(), [0]);
});

test("endpoints are written in any of the usual ways", () => {
  const plain = { verify: true };
  const mutual = { verify: true, ca: Buffer.from("pem") };
  assert.equal(parseEndpoint("127.0.0.1:2379", plain).authority, "http://127.0.0.1:2379");
  assert.equal(parseEndpoint("127.0.0.1:2379", mutual).authority, "https://127.0.0.1:2379");
  assert.equal(parseEndpoint("https://host:1", plain).secure, true);
  assert.equal(parseEndpoint("http://[::1]:2379", mutual).authority, "http://[::1]:2379");
  assert.equal(refusal(() => parseEndpoint("http://", plain)).exitCode, exitCode.usage);
});

test("the members of a development cluster have etcd's usual ports", () => {
  assert.deepEqual(planMembers(undefined, undefined), [
    { name: "m1", clientPort: 2379, peerPort: 2380 },
    { name: "m2", clientPort: 22379, peerPort: 22380 },
    { name: "m3", clientPort: 32379, peerPort: 32380 },
  ]);
  assert.equal(planMembers("5", undefined).length, 5);
  assert.deepEqual(planMembers(undefined, "4001"), [
    { name: "m1", clientPort: 4001, peerPort: 4002 },
  ]);
  for (const [count, ports] of [
    ["0", undefined],
    ["7", undefined],
    ["x", undefined],
    ["2", "4001"],
    [undefined, "4001,4002"],
    [undefined, "4001,4001"],
    [undefined, "70000"],
  ]) {
    assert.equal(refusal(() => planMembers(count, ports)).exitCode, exitCode.usage);
  }
});

test("tables line up, and cells hold no control characters", () => {
  assert.equal(
    formatTable(
      ["a", "long"],
      [
        ["x", "1"],
        ["yyy", "é"],
      ],
    ),
    "+-----+------+\n| A   | LONG |\n+-----+------+\n| x   | 1    |\n| yyy | é    |\n+-----+------+",
  );
  assert.equal(cellOf(Buffer.from("a\nb")), "a·b");
  assert.equal(cellOf(Buffer.from("x".repeat(100)), 10), `${"x".repeat(9)}…`);
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(12), "12 B");
});

test("bytes that are no text are told as base64, under a name that says so", () => {
  assert.deepEqual(textOrBase64("value", Buffer.from("é")), { value: "é" });
  assert.deepEqual(textOrBase64("value", new Uint8Array([255])), { valueBase64: "/w==" });
});

test("the first word of two commands never differs in what follows", () => {
  const first = (command: Command) => command.name.split(" ")[0];
  const single = commands.filter((command) => !command.name.includes(" ")).map(first);
  for (const command of commands.filter((one) => one.name.includes(" "))) {
    assert.ok(!single.includes(first(command)), command.name);
  }
});

test("data that was founded at other ports is told, with the command that starts it", (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "althing-dev-data-"));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const founded = planMembers(undefined, undefined);
  checkData(founded, dataDir);
  mkdirSync(join(dataDir, "m1"));
  const foundingMembers = founded.map(({ name, peerPort }) => ({
    name,
    peerUrls: [`http://127.0.0.1:${peerPort}`],
  }));
  writeFileSync(join(dataDir, "m1", "identity.json"), JSON.stringify({ foundingMembers }));
  checkData(founded, dataDir);
  const error = refusal(() => checkData(planMembers(undefined, "4001,4003,4005"), dataDir));
  assert.equal(error.exitCode, exitCode.dataUnusable);
  assert.equal(error.message, `the data in ${dataDir} is of 3 members at other ports`);
  assert.equal(error.hints[0], `althing dev --data-dir ${dataDir} --ports 2379,22379,32379`);
});
