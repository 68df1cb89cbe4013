// `althing snapshot save`: the stream of one member into a file. The file gets its name when all of it is
// on the disk and its checksum is the one that the member sent; before that there is none, and one that
// was there stays.

import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { snapshotPreamble } from "@althing/server/snapshot-file";
import { etcdCodecs as codecs } from "@althing/wire";
import { type Command, type Parsed, parseOptions, usageError } from "../command.ts";
import { connectionOptions, endpointTexts, outputForm, withClient } from "../connection.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { formatBytes, writeAnswer, writeLine } from "../print.ts";
import { createProgress, quietOption } from "../progress.ts";
import { fileArgument } from "./snapshot-file-argument.ts";

const digestBytes = 32;

export const snapshotSaveCommand: Command = {
  name: "snapshot save",
  summary: "Save the whole store of a member in a file",
  usage: "snapshot save FILE [options]",
  about: `Saves what one member holds, as of now, in a file that \`snapshot restore\` makes new clusters of. Any
member will do, also one without a leader; name the one. What it holds is checked against its checksum,
written to the disk, and only then given the name; a file of that name is replaced, never before.
What another program sends, such as etcd, is not saved: only that program could restore from it.
--timeout is the longest wait for more, not for the whole.`,
  options: [quietOption, ...connectionOptions],
  examples: [
    { command: "althing snapshot save backup.db", what: "then keep it where the members are not" },
  ],
  async run(args) {
    const parsed = parseOptions(snapshotSaveCommand, args);
    const path = fileArgument(snapshotSaveCommand, parsed);
    const endpoints = endpointTexts(parsed);
    if (endpoints.length !== 1) {
      throw usageError(
        snapshotSaveCommand,
        "a snapshot is of one member: name one in --endpoints, the one that is furthest in `althing status`",
      );
    }
    const bytes = await saveTo(path, parsed);
    const [endpoint] = endpoints;
    writeAnswer(outputForm(parsed), {
      value: { file: path, bytes, endpoint },
      table: [["file", "size", "of"], [[path, formatBytes(bytes), endpoint ?? ""]]],
      plain: () => writeLine(`Saved ${formatBytes(bytes)} of ${endpoint} in ${path}`),
    });
    return exitCode.ok;
  },
};

async function saveTo(path: string, parsed: Parsed): Promise<number> {
  const unfinished = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  const progress = createProgress(parsed);
  let fd: number | undefined;
  try {
    fd = openSync(unfinished, "wx", 0o600);
    const file = new Checked(fd, endpointTexts(parsed)[0] ?? "");
    await withClient(snapshotSaveCommand, parsed, (client) =>
      client.serverStream(
        "etcdserverpb.Maintenance/Snapshot",
        codecs.SnapshotRequest,
        codecs.SnapshotResponse,
        {},
        ({ blob, remaining_bytes: left }) => {
          file.take(blob);
          progress.tell(file.bytes, file.bytes + left);
        },
      ),
    );
    file.verify();
    fsyncSync(fd);
    closeSync(fd);
    fd = undefined;
    renameSync(unfinished, path);
    syncFolder(dirname(path));
    return file.bytes;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    rmSync(unfinished, { force: true });
    if (error instanceof Error && "syscall" in error) {
      throw new CliError(exitCode.failed, `${path} cannot be written: ${error.message}`);
    }
    throw error;
  } finally {
    progress.end();
  }
}

const preamble = snapshotPreamble();
/** Of the database in which etcd keeps its data, and the place where it stands in a file of it. */
const boltMagic = Buffer.of(0xed, 0xda, 0x0c, 0xed);
const boltMagicAt = 16;

/**
 * Writes what comes; the first bytes must be those of Althing's snapshots, the last bytes of all the digest of
 * those before them.
 */
class Checked {
  bytes = 0;
  readonly #endpoint: string;
  readonly #fd: number;
  #first: Buffer | undefined = Buffer.alloc(0);
  readonly #hash = createHash("sha256");
  #last: Buffer = Buffer.alloc(0);

  constructor(fd: number, endpoint: string) {
    this.#fd = fd;
    this.#endpoint = endpoint;
  }

  take(blob: Uint8Array): void {
    this.#checkFirst(blob);
    for (let done = 0; done < blob.length; ) done += writeSync(this.#fd, blob, done);
    this.bytes += blob.length;
    const held = Buffer.concat([this.#last, blob]);
    const end = Math.max(0, held.length - digestBytes);
    this.#hash.update(held.subarray(0, end));
    this.#last = held.subarray(end);
  }

  #checkFirst(blob: Uint8Array): void {
    if (this.#first === undefined) return;
    this.#first = Buffer.concat([this.#first, blob.subarray(0, boltMagicAt + boltMagic.length)]);
    if (this.#first.length < boltMagicAt + boltMagic.length) return;
    const isOurs = this.#first.subarray(0, preamble.length).equals(preamble);
    const found = this.#first.subarray(boltMagicAt, boltMagicAt + boltMagic.length);
    this.#first = undefined;
    if (isOurs) return;
    const what = found.equals(boltMagic) ? "a database of etcd's" : "something else";
    throw new CliError(
      exitCode.failed,
      `${this.#endpoint} sends no snapshot of Althing's but ${what}: nothing is saved`,
      ["Save it with `etcdctl snapshot save`; `althing snapshot restore` could not read it."],
    );
  }

  verify(): void {
    if (this.#last.length === digestBytes && this.#hash.digest().equals(this.#last)) return;
    throw new CliError(exitCode.failed, "what came is not what the member sent: nothing is saved", [
      "Try again; if it happens again, look at the network and at the member's log.",
    ]);
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
