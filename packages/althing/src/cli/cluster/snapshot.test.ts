// What can be known of the snapshot commands without a member: what they refuse, and how they tell progress.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { snapshotPreamble } from "@althing/server/snapshot-file";
import { etcdCodecs as codecs } from "@althing/wire";
import { parseOptions } from "../command.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { createProgress } from "../progress.ts";
import { snapshotRestoreCommand } from "./snapshot-restore.ts";
import { snapshotSaveCommand } from "./snapshot-save.ts";
import { snapshotStatusCommand } from "./snapshot-status.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-snapshot-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "file");
writeFileSync(file, "no snapshot");

async function refused(run: Promise<number>): Promise<readonly [number, string]> {
  try {
    await run;
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    return [error.exitCode, error.message];
  }
  assert.fail("accepted");
}

test("what cannot be meant is refused before anything is done", async () => {
  const save = (...args: string[]) => refused(snapshotSaveCommand.run(args));
  const restore = (...args: string[]) => refused(snapshotRestoreCommand.run(args));
  const { usage, dataUnusable } = exitCode;
  assert.deepEqual(await save(), [usage, "the file is missing"]);
  assert.deepEqual(await save("a", "b"), [usage, "too many words: b"]);
  const [code, message] = await save("a", "--endpoints=127.0.0.1:1,127.0.0.1:2");
  assert.deepEqual([code, message.split(":")[0]], [usage, "a snapshot is of one member"]);
  const absent = join(folder, "absent");
  assert.deepEqual(await restore(absent), [usage, `there is no file ${absent}`]);
  for (const alone of ["--bump-revision=5", "--mark-compacted"]) {
    assert.match((await restore(file, alone))[1], /belong together/);
  }
  const target = `--data-dir=${join(folder, "data")}`;
  assert.equal((await restore(file, target, "--initial-cluster=m1=http://10.0.0.1:1"))[0], usage);
  assert.equal((await restore(file, target))[0], dataUnusable);
  assert.equal((await refused(snapshotStatusCommand.run([file])))[0], dataUnusable);
  assert.deepEqual(readdirSync(folder), ["file"]);
});

/** The port of a server that answers every call with this blob and status. */
async function serveBlob(blob: Uint8Array, status: string) {
  const server = createServer().on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
    const body = codecs.SnapshotResponse.encode({ blob });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    stream.end(Buffer.concat([head, body]));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((done) => server.close(() => done())) };
}

test("what another program sends is not saved, and an etcd's is called that", async () => {
  const bolt = Buffer.alloc(4096);
  bolt.writeUInt32LE(0xed0cdaed, 16);
  for (const [blob, message] of [
    [bolt, /no snapshot of Althing's but a database of etcd's: nothing is saved/],
    [Buffer.alloc(4096), /but something else: nothing is saved/],
  ] as const) {
    const { port, close } = await serveBlob(blob, "0");
    const path = join(folder, "of-another");
    const [code, told] = await refused(
      snapshotSaveCommand.run([path, `--endpoints=127.0.0.1:${port}`]),
    );
    assert.equal(code, exitCode.failed);
    assert.match(told, message);
    assert.deepEqual(readdirSync(folder), ["file"]);
    await close();
  }
});

test("a stream that breaks off or does not match its digest leaves nothing, and what was there stays", async () => {
  const kept = join(folder, "kept");
  writeFileSync(kept, "an older backup");
  for (const status of ["0", "14"]) {
    const blob = Buffer.concat([snapshotPreamble(), Buffer.alloc(496 + 32, 7)]);
    const { port, close } = await serveBlob(blob, status);
    const [code] = await refused(snapshotSaveCommand.run([kept, `--endpoints=127.0.0.1:${port}`]));
    assert.equal(code, exitCode.failed);
    assert.deepEqual(readdirSync(folder).sort(), ["file", "kept"]);
    await close();
  }
});

test("progress is one line on a terminal, and nothing elsewhere or when it is not wanted", () => {
  const shown = (isTTY: boolean, ...args: string[]) => {
    const written: string[] = [];
    let nowMs = 0;
    const screen = { isTTY, write: (text: string) => written.push(text) };
    const parsed = parseOptions(snapshotSaveCommand, ["f", ...args]);
    const progress = createProgress(parsed, screen, () => nowMs);
    for (const done of [0, 1, 2]) {
      progress.tell(done * 1024, 4096);
      nowMs += 500;
    }
    progress.end();
    return written;
  };
  const clear = "\r\x1b[2K";
  assert.deepEqual(shown(true), [
    `${clear}0% of 4.0 KiB, 0 B/s`,
    `${clear}25% of 4.0 KiB, 2.0 KiB/s`,
    `${clear}50% of 4.0 KiB, 2.0 KiB/s`,
    clear,
  ]);
  assert.deepEqual(shown(false), []);
  assert.deepEqual(shown(true, "--quiet"), []);
});
