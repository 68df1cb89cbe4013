// A data directory has one holder at a time, in this process or another, and a killed one lets go.

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DataDirectoryError, type DataDirectoryErrorCode, openDataDirectory } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "althing-data-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

function failsWith(code: DataDirectoryErrorCode, words: RegExp) {
  return (error: unknown) => {
    ok(error instanceof DataDirectoryError, String(error));
    equal(error.code, code);
    ok(words.test(error.message), error.message);
    return true;
  };
}

test("a second holder in this process is refused and told who holds it", () => {
  const path = join(root, "twice");
  const first = openDataDirectory(path);
  throws(() => openDataDirectory(path), failsWith("locked", new RegExp(`process ${process.pid} `)));
  first.close();
  openDataDirectory(path).close();
});

test("another process holds it until it dies, however it dies", async () => {
  const path = join(root, "process");
  const holder = await holdInAnotherProcess(path);
  throws(
    () => openDataDirectory(path),
    failsWith("locked", new RegExp(`process ${holder.pid} on .* Stop it`)),
  );
  holder.kill("SIGKILL");
  await once(holder, "exit");
  openDataDirectory(path).close();
});

test("of processes that start at once, one holds it", async () => {
  const path = join(root, "race");
  const all = await Promise.all(
    [1, 2, 3].map(() => holdInAnotherProcess(path).catch(() => undefined)),
  );
  const holders = all.filter((one) => one !== undefined);
  equal(holders.length, 1);
  holders[0]!.kill("SIGKILL");
  await once(holders[0]!, "exit");
});

test("the identity is what was written last, and undefined in a new directory", () => {
  const path = join(root, "identity");
  const first = openDataDirectory(path);
  equal(first.readIdentity(), undefined);
  first.writeIdentity({ member: "a", cluster: "b" });
  first.writeIdentity({ member: "c" });
  first.close();
  const again = openDataDirectory(path);
  deepEqual(again.readIdentity(), { member: "c" });
  again.close();
});

test("a directory of something else is refused and left alone", () => {
  const path = join(root, "foreign");
  mkdirSync(path);
  writeFileSync(join(path, "thesis.txt"), "chapter one");
  throws(() => openDataDirectory(path), failsWith("formatUnknown", /thesis\.txt/));
  deepEqual(readdirSync(path), ["thesis.txt"]);
  equal(readFileSync(join(path, "thesis.txt"), "utf8"), "chapter one");
});

test("a layout of another version and a damaged identity are refused, and the lock let go", () => {
  const path = join(root, "version");
  openDataDirectory(path).close();
  writeFileSync(join(path, "format.json"), `{"layout": 2}`);
  throws(() => openDataDirectory(path), failsWith("formatUnknown", /layout 2/));
  writeFileSync(join(path, "format.json"), `{"layout": 1}`);
  writeFileSync(join(path, "identity.json"), `{"member": "a`);
  const directory = openDataDirectory(path);
  throws(() => directory.readIdentity(), failsWith("damaged", /add it again/));
  directory.close();
});

test("a path that cannot be a directory is unusable", () => {
  writeFileSync(join(root, "file"), "");
  throws(() => openDataDirectory(join(root, "file", "data")), failsWith("unusable", /file/));
});

test("missing parents are created; where nothing can be made it is said, and soon", () => {
  const deep = join(root, "one", "two", "data");
  openDataDirectory(deep).close();
  openDataDirectory(deep).close();
  if (process.platform !== "linux") return;
  throws(() => openDataDirectory("/proc/none/data"), failsWith("unusable", /ENOENT.*\/proc\/none/));
});

/** Rejects when the process does not get the lock. */
async function holdInAnotherProcess(path: string): Promise<ChildProcess> {
  const module = new URL("./directory-lock.ts", import.meta.url).href;
  const script = `
    import { mkdirSync } from "node:fs";
    import { lockDataDirectory } from ${JSON.stringify(module)};
    mkdirSync(${JSON.stringify(path)}, { recursive: true });
    lockDataDirectory(${JSON.stringify(path)});
    // A lock that lived only as long as its handle would be lost here.
    globalThis.gc();
    process.stdout.write("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const [outcome] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  if (String(outcome) !== "held") throw new Error("the lock is held elsewhere");
  return child;
}
