// The house guards itself: the rules that docs/architecture.md and CONTRIBUTING.md state about the shape of the
// tree, checked over the tree. A rule that must give way somewhere says where and why, here.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { cyclesIn } from "./cycles.ts";
import { ambient, mayImport, pure, testsMayImport } from "./rooms.ts";
import { readSources, root, type Source } from "./sources.ts";

const sources = readSources();
const files = [...sources.values()];
const isTest = ({ path }: Source) => /\.(test|bench)\.ts$/.test(path);
const isForTests = (source: Source) => isTest(source) || source.path.includes("/testing/");
const roomOf = (path: string) => /^packages\/([^/]+)\//.exec(path)?.[1];

function assertNone(found: readonly string[], rule: string): void {
  assert.deepEqual([...found].sort(), [], rule);
}

/**
 * A protocol's handlers call each other as its rules do (what commits may end a change of membership, whose end
 * may propose, which may commit), and its state names them all. Nothing of that may leave the protocol's folder.
 */
const oneMachine = /^packages\/consensus\/src\/(raft|paxos|zab)\/[^/]+$/;

test("no file imports itself by way of others", () => {
  const graph = new Map(
    files.map(({ path, imports }) => [path, imports.flatMap(({ file }) => file ?? [])]),
  );
  assertNone(
    cyclesIn(graph)
      .filter((cycle) => !cycle.every((path) => oneMachine.test(path)))
      .map((cycle) => cycle.join(" → ")),
    "import cycles",
  );
});

test("arrows between packages point down only, and through the door", () => {
  const rooms = globSync("packages/*/package.json", { cwd: root }).map((path) => roomOf(path)!);
  assert.deepEqual(Object.keys(mayImport).sort(), rooms.sort(), "rooms.ts knows every package");
  const wrong = files.flatMap((source) => {
    const room = roomOf(source.path);
    if (room === undefined || source.path.includes("/mutants/")) return [];
    return source.imports.flatMap(({ from, file }) => {
      const other = file === undefined ? undefined : roomOf(file);
      if (other === room) return [];
      if (from.startsWith(".")) {
        return isForTests(source) ? [] : [`${source.path} reaches into ${from}`];
      }
      if (other === undefined) {
        return from.startsWith("@althing/") ? [`${source.path} imports ${from}: no such door`] : [];
      }
      const may = [
        ...mayImport[room]!,
        ...(isForTests(source) ? (testsMayImport[room] ?? []) : []),
      ];
      return may.includes(other) ? [] : [`${source.path} imports ${from}`];
    });
  });
  assertNone(wrong, "imports that the architecture does not allow");
});

test("pure packages touch no clock, chance, process or promise of their own", () => {
  const wrong = files.flatMap((source) => {
    const room = roomOf(source.path);
    const but = room === undefined ? undefined : pure[room];
    if (but === undefined || isForTests(source) || source.path.includes("/mutants/")) return [];
    if (but.some((folder) => source.path.startsWith(folder))) return [];
    const node = source.imports.filter(({ from }) => from.startsWith("node:"));
    const calls = [...source.code.matchAll(ambient)].map(([call]) => call);
    return [...node.map(({ from }) => from), ...calls].map((what) => `${source.path}: ${what}`);
  });
  assertNone(wrong, "ambient world in a pure package");
});

test("a file over 400 lines says at its top why it is long", () => {
  const wrong = files.filter(({ text }) => {
    const lines = text.split("\n");
    if (lines.length <= 401) return false;
    const top = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith("//")),
    );
    return !/\blong(er)?\b|\bin one (place|file)\b|\bone (place|table|file)\b/i.test(top.join(" "));
  });
  assertNone(
    wrong.map(({ path, text }) => `${path} (${text.split("\n").length})`),
    "long without a reason",
  );
});

/** Loaded by their path, not imported by name. */
const loadedByPath = [
  /^test\/fuzz\/(targets|canaries)\//,
  /^packages\/althing\/src\/cli\/main\.ts$/,
];

test("no value is exported that nobody imports, and no type that nobody names", () => {
  const taken = new Map<string, Set<string>>();
  for (const { imports } of files) {
    for (const { file, names } of imports) {
      if (file === undefined) continue;
      const known = taken.get(file) ?? new Set();
      for (const name of names) known.add(name);
      taken.set(file, known);
    }
  }
  const declaration =
    /^export\s+(?:async\s+|abstract\s+)*(const|let|function\*?|class|interface|type)\s+([\w$]+)/gm;
  const wrong = files.flatMap((source) => {
    if (isTest(source) || loadedByPath.some((path) => path.test(source.path))) return [];
    const names = taken.get(source.path) ?? new Set();
    if (names.has("*")) return [];
    return [...source.code.matchAll(declaration)].flatMap(([, kind, name]) => {
      if (names.has(name!)) return [];
      // A type may be there to be read in the signature of what is imported.
      const isNamed = kind === "interface" || kind === "type";
      const times = source.code.split(new RegExp(`\\b${name!.replace("$", "\\$")}\\b`)).length - 1;
      return isNamed && times > 1 ? [] : [`${source.path}: ${name}`];
    });
  });
  assertNone(wrong, "dead exports");
});

test("every package has a README of one screen", () => {
  const wrong = globSync("packages/*/package.json", { cwd: root }).flatMap((path) => {
    const readme = join(root, dirname(path), "README.md");
    if (!existsSync(readme)) return [`${dirname(path)} has none`];
    const lines = readFileSync(readme, "utf8").split("\n").length;
    return lines < 8 || lines > 60 ? [`${dirname(path)}: ${lines} lines`] : [];
  });
  assertNone(wrong, "READMEs of packages");
});

test("every page is reachable from the README, and no link of a page is dead", () => {
  const reached = new Set<string>();
  const dead: string[] = [];
  const follow = (page: string) => {
    if (reached.has(page)) return;
    reached.add(page);
    const text = readFileSync(join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#") as [string, string | undefined];
      const led = path === "" ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(root, led))) dead.push(`${page} → ${target}`);
      else if (led.endsWith(".md")) {
        if (anchor !== undefined && !anchorsOf(led).has(anchor)) dead.push(`${page} → ${target}`);
        follow(led);
      } else if (existsSync(join(root, led, "README.md"))) follow(join(led, "README.md"));
    }
  };
  follow("README.md");
  assertNone(dead, "dead links");
  const pages = globSync(["*.md", "{docs,examples,packages,test}/**/*.md"], {
    cwd: root,
    exclude: (name) => name === "node_modules",
  });
  // What a published package says of itself is read where it is published.
  assertNone(
    pages.filter((page) => !reached.has(page) && !page.endsWith("/PUBLISHED.md")),
    "pages that the README does not lead to",
  );
});

/** Of headings, as the usual renderers name them. */
function anchorsOf(page: string): Set<string> {
  const headings = readFileSync(join(root, page), "utf8").matchAll(/^#+\s+(.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}
