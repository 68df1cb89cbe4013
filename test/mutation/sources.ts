// What is mutated, and by which tests it is judged.

import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Whose tests judge a package beside its own: those of the packages above it that are about what it does. */
const judges: Record<string, readonly string[]> = {
  log: ["packages/server/src/disk"],
  wire: ["packages/server/src/doors"],
  server: ["packages/althing", "test/attacks"],
};

/** The package that a file belongs to. */
export function packageOf(file: string): string {
  return file.split("/")[1] ?? "";
}

/** Production code at the paths given; everything there is without any. */
export function productionFiles(paths: readonly string[]): string[] {
  return globSync("packages/*/src/**/*.ts", { cwd: root })
    .filter((file) => !/\.test\.ts$|\.bench\.ts$|\/testing\//.test(file))
    .filter((file) => paths.length === 0 || paths.some((path) => file.startsWith(path)))
    .sort();
}

/** The tests that may judge a package. The last resort, some plans and worlds of the simulator, are among them. */
export function testsFor(name: string): string[] {
  const among = [`packages/${name}`, ...(judges[name] ?? [])];
  const units = globSync("{packages,test}/**/*.test.ts", {
    cwd: root,
    exclude: (part) => part === "node_modules",
  })
    .filter((file) => !/\.(process|interop|sim)\.test\.ts$/.test(file))
    .filter((file) => among.some((path) => file.startsWith(`${path}/`)));
  return [...units, ...(lastResorts[name] ?? [])].sort();
}

const [raft, paxos, zab] = ["raft", "paxos", "zab"].map(
  (name) => `test/mutation/last-resort/${name}.ts`,
) as [string, string, string];
const lastResorts: Record<string, readonly string[]> = {
  consensus: [raft, paxos, zab],
  log: [raft],
  member: [raft, paxos],
  service: [raft],
  store: [raft],
};

export function isLastResort(test: string): boolean {
  return test.startsWith("test/mutation/last-resort/");
}

const texts = new Map<string, string>();

export function read(file: string): string {
  const known = texts.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(root + file, "utf8");
  texts.set(file, text);
  return text;
}

export function hashOf(text: string): string {
  return createHash("sha1").update(text).digest("hex").slice(0, 16);
}
