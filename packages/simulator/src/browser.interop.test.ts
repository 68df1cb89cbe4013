// The simulator and the cores in a real browser: their sources are served as they are, with types
// stripped and nothing bundled, and a seed run in the page has the hash that it has here.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { drawScenario, protocolNamed, runScenario } from "./index.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
const seeds = [1, 2, 3, 4, 5];

/** Every door of every package, so that what a package comes to stand on is found. */
const imports = Object.fromEntries(
  globSync("packages/*/package.json", { cwd: root }).flatMap((path) => {
    const { name, exports = {} } = JSON.parse(readFileSync(join(root, path), "utf8"));
    return Object.entries<string>(exports).map(([entry, source]) => [
      join(name, entry),
      `/${join(dirname(path), source)}`,
    ]);
  }),
);
const page = `<!doctype html><title>simulator</title>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
import { drawScenario, protocolNamed, runScenario } from "@althing/simulator";
const protocol = protocolNamed("raft");
const runs = ${JSON.stringify(seeds)}.map((seed) => {
  const { result, traceHash, simulatedMs } = runScenario(
    drawScenario({ protocol: "raft", seed: BigInt(seed), safetyMs: 5000 }),
    { protocol },
  );
  return { seed, result, traceHash, simulatedMs };
});
document.body.textContent = "RUNS" + JSON.stringify(runs) + "END";
</script><body>`;

test("a browser runs a seed to the hash that the terminal gets", {
  skip: browser === undefined ? "no Chromium: apt-get install chromium" : false,
  timeout: 120_000,
}, async () => {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/") {
      response.setHeader("content-type", "text/html").end(page);
      return;
    }
    try {
      const source = await readFile(join(root, path), "utf8");
      response.setHeader("content-type", "text/javascript").end(stripTypeScriptTypes(source));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), "simulator-browser-"));
  try {
    const { stdout } = await promisify(execFile)(
      browser as string,
      [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        `--user-data-dir=${profile}`,
        "--virtual-time-budget=100000",
        "--dump-dom",
        `http://127.0.0.1:${port}/`,
      ],
      { maxBuffer: 10_000_000 },
    );
    const found = /<body>\s*RUNS(.*)END/.exec(stdout)?.[1];
    assert.ok(found, stdout.slice(0, 2000));
    const here = seeds.map((seed) => {
      const protocol = protocolNamed("raft");
      assert.ok(protocol);
      const scenario = drawScenario({ protocol: "raft", seed: BigInt(seed), safetyMs: 5000 });
      const { result, traceHash, simulatedMs } = runScenario(scenario, { protocol });
      return { seed, result, traceHash, simulatedMs };
    });
    assert.deepEqual(JSON.parse(found), here);
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true });
  }
});
