// What is published, as whoever installs it has it: the tarballs in an empty folder outside the repository, plain
// `npm install`, under Node 22 and under the newest.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const repository = join(import.meta.dirname, "../..");
const root = mkdtempSync(join(tmpdir(), "althing-installed-"));
const project = join(root, "project");
const tarballs = join(root, "tarballs");
/** Node 22 beside the one that runs this test. */
const older = join(root, "older");
const nodes: Record<string, string> = {
  "22": join(older, "node_modules/node/bin/node"),
  newest: process.execPath,
};
after(() => rmSync(root, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd = project, env: object = {}) {
  const done = spawnSync(command, [...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, npm_config_fund: "false", npm_config_audit: "false", ...env },
    timeout: 240_000,
  });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

function succeed(command: string, args: readonly string[], cwd = project): string {
  const { code, out, err } = run(command, args, cwd);
  assert.equal(code, 0, `${command} ${args.join(" ")}:\n${out}\n${err}`);
  return out;
}

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

before(() => {
  for (const folder of [project, older]) {
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  }
  succeed(process.execPath, ["tools/pack/main.ts", "--out", tarballs], repository);
  const packed = readdirSync(tarballs).map((name) => join(tarballs, name));
  succeed("npm", ["install", ...packed, "typescript@5.9", "@types/node@24"]);
  succeed("npm", ["install", "node@22"], older);
});

test("both Nodes are what they are taken for", () => {
  assert.match(succeed(nodes["22"]!, ["--version"]), /^v22\./);
  assert.match(succeed(nodes["newest"]!, ["--version"]), /^v2[4-9]\./);
});

for (const [name, node] of Object.entries(nodes)) {
  test(`Node ${name}: a member in the process, and its data found again`, () => {
    write(
      "embedded.mjs",
      `import { Althing, version } from "althing";
const althing = await Althing.open({ dataDir: "data-${name}" });
const before = await althing.get("greeting");
await althing.put("greeting", "hello");
console.log(JSON.stringify([before?.text ?? null, (await althing.get("greeting"))?.text, version]));
await althing.close();
`,
    );
    const { version } = JSON.parse(
      succeed(
        "npm",
        ["pkg", "get", "version", "name", "--json"],
        join(project, "node_modules/althing"),
      ),
    );
    assert.deepEqual(JSON.parse(succeed(node, ["embedded.mjs"])), [null, "hello", version]);
    assert.deepEqual(JSON.parse(succeed(node, ["embedded.mjs"])), ["hello", "hello", version]);
  });

  test(`Node ${name}: a cluster by \`althing dev\`, and a client of it`, async () => {
    const bin = join(project, "node_modules/althing/bin/althing.js");
    const ports = name === "22" ? [26410, 26412, 26414] : [26420, 26422, 26424];
    const dev = spawn(node, [bin, "dev", `--ports=${ports.join(",")}`, `--data-dir=dev-${name}`], {
      cwd: project,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      await said(dev, /--endpoints|ready|Ctrl-C/i);
      const endpoints = `--endpoints=127.0.0.1:${ports[1]}`;
      assert.equal(succeed(node, [bin, "put", "greeting", "hello", endpoints]), "OK\n");
      assert.equal(succeed(node, [bin, "get", "greeting", endpoints]), "greeting\nhello\n");
    } finally {
      dev.kill("SIGINT");
      await new Promise((resolve) => dev.once("close", resolve));
    }
  });
}

test("npx finds the command; the simulator is there too", () => {
  const path = `${join(nodes["22"]!, "..")}:${process.env["PATH"]}`;
  const version = run("npx", ["althing", "version", "-o", "json"], project, { PATH: path });
  assert.match(version.out, /"node":"22\./, version.err);
  assert.equal(
    run(nodes["22"]!, ["node_modules/althing/bin/althing.js", "sim", "--seeds", "2"]).code,
    0,
  );
});

for (const [resolution, module] of [
  ["nodenext", "nodenext"],
  ["bundler", "esnext"],
] as const) {
  test(`types are right under ${resolution}, strictly, with every declaration checked`, () => {
    write(
      "program.ts",
      `import { Althing, AlthingError, type Entry, version } from "althing";
await using althing = await Althing.open({ dataDir: "data" });
await althing.put("greeting", "hello");
const entry: Entry | undefined = await althing.get("greeting");
console.log(version satisfies string, entry?.text, AlthingError.name);
// @ts-expect-error A key is text or bytes.
await althing.put(7, "hello");
`,
    );
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "esnext",
      lib: ["esnext"],
      types: ["node"],
      module,
      moduleResolution: resolution,
    };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    succeed("npx", ["tsc", "-p", "."]);
  });
}

test("the package is laid out as the tools of others expect", () => {
  const [tarball] = readdirSync(tarballs);
  const file = join(tarballs, tarball!);
  const publint = succeed("npx", ["publint", file, "--strict"], repository);
  assert.match(publint, /All good/);
  succeed("npx", ["attw", file, "--profile", "esm-only"], repository);
});

test("without the native part the disk engine says what to do, and the memory engine works", () => {
  const lmdb = join(project, "node_modules/lmdb");
  const hidden = join(root, "lmdb-hidden");
  renameSync(lmdb, hidden);
  try {
    const bin = join(project, "node_modules/althing/bin/althing.js");
    const disk = run(nodes["22"]!, [bin, "start", "--data-dir=no-lmdb"]);
    assert.equal(disk.code, 3);
    assert.match(
      disk.err,
      /--engine=disk needs lmdb.*npm install lmdb.*--engine=memory works without/s,
    );
    assert.ok(!existsSync(join(project, "no-lmdb")), "nothing was made");
    write(
      "memory.mjs",
      `import { Althing } from "althing";
const althing = await Althing.open({ dataDir: "data-memory", engine: "memory" });
await althing.put("greeting", "hello");
console.log((await althing.get("greeting"))?.text);
await althing.close();
`,
    );
    assert.equal(succeed(nodes["22"]!, ["memory.mjs"]), "hello\n");
  } finally {
    renameSync(hidden, lmdb);
  }
});

function said(child: ReturnType<typeof spawn>, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const hear = (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("close", (code) => reject(new Error(`it ended with ${code}:\n${text}`)));
  });
}
