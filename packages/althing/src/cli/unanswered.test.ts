// Against a server that takes every request and answers none, or hangs up: what the commands say may have come
// of it.

import assert from "node:assert/strict";
import { constants, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  memberAddCommand,
  memberListCommand,
  memberPromoteCommand,
  memberRemoveCommand,
} from "./cluster/members.ts";
import { statusCommand } from "./cluster/status.ts";
import type { Command } from "./command.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { delCommand } from "./keys/del.ts";
import { getCommand } from "./keys/get.ts";
import { putCommand } from "./keys/put.ts";

let answer: (stream: ServerHttp2Stream) => void = () => {};
const server = createServer();
server.on("stream", (stream) => {
  stream.on("error", () => {});
  answer(stream);
});
let endpoint = "";
before(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

async function told(command: Command, ...args: readonly string[]): Promise<string> {
  try {
    await command.run([...args, `--endpoints=${endpoint}`, "--timeout=200ms"]);
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    assert.equal(error.exitCode, exitCode.timedOut);
    return [error.message, ...error.hints].join("\n");
  }
  assert.fail("it was answered");
}

/** Of `status`, which goes on with the other members. */
async function toldByStatus(): Promise<string> {
  let text = "";
  const { write } = process.stderr;
  process.stderr.write = (piece: string | Uint8Array) => {
    text += String(piece);
    return true;
  };
  const out = process.stdout.write;
  process.stdout.write = () => true;
  try {
    await statusCommand.run([`--endpoints=${endpoint}`, "--timeout=200ms"]);
  } finally {
    process.stderr.write = write;
    process.stdout.write = out;
  }
  return text;
}

const deadlineExceeded = (stream: ServerHttp2Stream) =>
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": "4" },
    { endStream: true },
  );
const ways = [
  ["no answer in time", () => {}],
  ["the connection is closed", (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ["the server's own deadline", deadlineExceeded],
] as const;
const effect = /may have taken effect/;

for (const [name, way] of ways) {
  test(`only what writes may have written: ${name}`, async () => {
    answer = way;
    assert.doesNotMatch(await told(getCommand, "k"), effect);
    assert.doesNotMatch(await told(memberListCommand), effect);
    const status = await toldByStatus();
    assert.match(status, /did not answer|closed the connection|127/);
    assert.doesNotMatch(status, effect);
    for (const [command, ...args] of [
      [putCommand, "k", "v"],
      [delCommand, "k"],
    ] as const) {
      assert.match(
        await told(command, ...args),
        /a write may have taken effect\n.*[Rr]ead the key/,
      );
    }
    for (const [command, ...args] of [
      [memberPromoteCommand, "1"],
      [memberRemoveCommand, "1"],
      [memberAddCommand, "m4", "--peer-urls=http://127.0.0.1:1"],
    ] as const) {
      const text = await told(command, ...args);
      assert.match(text, /change of the members may have taken effect\n.*member list/);
    }
  });
}

test("a request that the server did not take has done nothing", async () => {
  answer = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
  const run = putCommand.run(["k", "v", `--endpoints=${endpoint}`]);
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof CliError);
    assert.equal(error.exitCode, exitCode.failed);
    assert.match(error.message, /did not take the request; nothing was done/);
    return true;
  });
});

test("a login that is not answered has written nothing", async () => {
  answer = () => {};
  const text = await told(putCommand, "k", "v", "--user=ada:secret");
  assert.match(text, /did not answer within 200 ms; nothing was written/);
});
