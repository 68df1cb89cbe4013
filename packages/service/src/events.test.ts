import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { serviceEventKinds } from "./events.ts";

test("the sources emit the documented kinds, all of them and no others", () => {
  const root = new URL(".", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "events.ts",
  );
  const found = new Set<string>();
  for (const name of files) {
    const text = readFileSync(new URL(name, root), "utf8");
    for (const [, kind] of text.matchAll(/"([a-zA-Z]+\.[a-z][a-zA-Z]+)"/g)) found.add(kind!);
  }
  assert.deepEqual([...found].sort(), Object.keys(serviceEventKinds).sort());
});
