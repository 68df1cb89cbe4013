#!/usr/bin/env node
// The `althing` command, also without a shell. Plain JavaScript that any Node from 14 on can read, because its
// first job is to find a Node that can run the sources: this one, or the project's own.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const needed = [22, 18];

/**
 * The sources are stripped of their types and compiled once and kept: a member then starts in half the time
 * and has 30 MiB less. Where nothing can be kept, it starts as the first time.
 */
function keepCompiled() {
  const { HOME, XDG_CACHE_HOME } = process.env;
  const caches = XDG_CACHE_HOME || (HOME && join(HOME, ".cache"));
  if (!caches || module.enableCompileCache === undefined) return;
  module.enableCompileCache(join(caches, "althing"));
}

function runsSources(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > needed[0] || (major === needed[0] && minor >= needed[1]);
}

function findOwnNode() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(directory, "node_modules", "node", "bin", name);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}

function runWith(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: "inherit",
    env: { ...process.env, ALTHING_NODE_CHOSEN: "1" },
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  // A terminal sends Ctrl-C to both processes; this one only has to outlive the other.
  for (const signal of signals) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`althing: cannot run ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

if (runsSources(process.versions.node)) {
  keepCompiled();
  const { main } = await import("../src/cli/main.ts");
  const code = await main(process.argv.slice(2));
  process.exitCode = code;
} else {
  const node = process.env.ALTHING_NODE_CHOSEN === undefined ? findOwnNode() : undefined;
  if (node !== undefined) runWith(node);
  else {
    process.stderr.write(
      `althing: this is Node ${process.versions.node}, and Althing needs Node ${needed.join(".")} or newer.\n` +
        "Install one from https://nodejs.org; in a checkout of the source `npm install` brings its own.\n",
    );
    process.exitCode = 64;
  }
}
