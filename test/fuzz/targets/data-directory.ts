// The small files of a data directory after anything has happened to them: the member starts as who it was, or is
// refused with a coded error that says what to do. What was refused is left as it was found.

import { strictEqual } from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultConfig } from "../../../packages/server/src/config/index.ts";
import { DataDirectoryError, openDataDirectory } from "../../../packages/server/src/disk/index.ts";
import { IdentityError, identify } from "../../../packages/server/src/identity/member-identity.ts";
import { accepted, PropertyBroken, type Target } from "../target.ts";

const config = defaultConfig();
const root = mkdtempSync(join(tmpdir(), "althing-fuzz-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
// Locked once: a lock costs more than all that is asked here.
const directory = openDataDirectory(join(root, "data"));
const { identity } = identify(directory, config);
const identityPath = join(root, "data", "identity.json");
const formatPath = join(root, "other", "format.json");
const isRefusal = (error: unknown) =>
  error instanceof IdentityError || error instanceof DataDirectoryError;

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export const target: Target = {
  name: "data-directory",
  inputsPerSecondMin: 20,
  seeds: () => [
    Buffer.concat([Buffer.from([0]), json(identity)]),
    Buffer.concat([Buffer.from([0]), json({ ...identity, foundingMembers: [] })]),
    Buffer.concat([Buffer.from([0]), json({ ...identity, privateKey: undefined })]),
    Buffer.concat([Buffer.from([1]), json([{ introducer: "a" }])]),
    Buffer.concat([Buffer.from([2]), json({ layout: 1 })]),
  ],
  dictionary: [
    "[null]",
    '"peerUrls":[',
    '"name":',
    "null",
    "[]",
    "{}",
    '"layout":2',
    '"removed":true,',
    '"incarnation":',
    '"privateKey":',
    '"',
  ],
  run(input) {
    const bytes = input.subarray(1);
    switch ((input[0] ?? 0) % 16) {
      case 1:
        writeFileSync(join(root, "data", "introductions.json"), bytes);
        directory.readNote("introductions.json");
        return;
      case 2:
        return openWithFormat(bytes);
      default:
        return identifyWith(bytes);
    }
  },
};

function identifyWith(bytes: Buffer): void {
  writeFileSync(identityPath, bytes);
  const found = accepted(() => identify(directory, config), isRefusal);
  if (found === undefined) {
    strictEqual(
      readFileSync(identityPath).equals(bytes),
      true,
      "a refused start has changed a file",
    );
    return;
  }
  for (const { id, peerUrls } of found.identity.foundingMembers) {
    if (typeof id !== "string" || !peerUrls.every((url) => typeof url === "string")) {
      throw new PropertyBroken("a founding member that is none");
    }
  }
}

function openWithFormat(bytes: Buffer): void {
  mkdirSync(join(root, "other"), { recursive: true });
  writeFileSync(formatPath, bytes);
  const other = accepted(() => openDataDirectory(join(root, "other")), isRefusal);
  if (other === undefined)
    strictEqual(readFileSync(formatPath).equals(bytes), true, "a refused start has changed a file");
  other?.close();
}
