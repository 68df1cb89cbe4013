// The tree as the tidy test reads it: every source file with its text, and what it imports from whom.

import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface Import {
  /** As it is written: `./x.ts`, `@althing/log`, `node:fs`. */
  readonly from: string;
  /** The file of this tree that it leads to; undefined when it leads out of it. */
  readonly file: string | undefined;
  /** What is taken; "*" for a namespace, "default" for a default. */
  readonly names: readonly string[];
}

export interface Source {
  /** Relative to the root of the tree. */
  readonly path: string;
  readonly text: string;
  /** Without comments and the contents of strings, for looking at code alone. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export const root = join(import.meta.dirname, "../..");

export function readSources(): Map<string, Source> {
  const paths = globSync("{packages,examples,tools,test,bench}/**/*.ts", {
    cwd: root,
    exclude: (name) => name === "node_modules" || name === "dist",
  }).filter((path) => !path.endsWith(".d.ts"));
  const entries = packageEntries();
  const known = new Set(paths);
  return new Map(
    paths.sort().map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return [
        path,
        { path, text, code: codeOf(text), imports: importsOf(path, text, known, entries) },
      ];
    }),
  );
}

/** What each package exports: `@althing/store/disk` → `packages/store/src/disk/index.ts`. */
function packageEntries(): Map<string, string> {
  const entries = new Map<string, string>();
  for (const path of globSync("packages/*/package.json", { cwd: root })) {
    const { name, exports } = JSON.parse(readFileSync(join(root, path), "utf8"));
    for (const [entry, target] of Object.entries(exports ?? {})) {
      const source = typeof target === "string" ? target : undefined;
      if (source !== undefined) entries.set(join(name, entry), join(dirname(path), source));
    }
  }
  return entries;
}

const STATEMENT =
  /^(?:import|export)\s+(?:type\s+)?(?:([\w*\s{},$]*?)\s+from\s+)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

function importsOf(
  path: string,
  text: string,
  known: ReadonlySet<string>,
  entries: ReadonlyMap<string, string>,
): Import[] {
  const imports: Import[] = [];
  const add = (from: string, names: readonly string[]) => {
    const file = from.startsWith(".") ? normalize(join(dirname(path), from)) : entries.get(from);
    imports.push({ from, file: file !== undefined && known.has(file) ? file : undefined, names });
  };
  for (const [, clause, from] of text.matchAll(STATEMENT)) add(from!, namesIn(clause ?? "*"));
  for (const [, from] of text.matchAll(DYNAMIC)) add(from!, ["*"]);
  return imports;
}

/** `a, { b, type C as D }` → default, b, C. */
function namesIn(clause: string): string[] {
  if (clause.includes("*")) return ["*"];
  const braces = /\{([^}]*)\}/.exec(clause);
  const names = (braces?.[1] ?? "")
    .split(",")
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, "")
        .replace(/\s+as\s+.*$/, ""),
    )
    .filter((name) => name !== "");
  return clause
    .replace(/\{[^}]*\}/, "")
    .replaceAll(",", "")
    .trim() === ""
    ? names
    : [...names, "default"];
}

/** Comments and the texts of strings, blanked; regular expressions stay as they are. */
function codeOf(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g,
    (found) => (found.startsWith("/") ? "" : '""'),
  );
}
