// A process that outlives the test and cleans up after it: members, mounts, namespaces and folders. It is told
// what exists over its standard input, one line each, and acts when that closes, which also happens
// when the test is killed. Started by `guard.ts`.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const things = new Set<string>();
// A Ctrl-C goes to the whole group; the guardian must still do its work.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith("+")) things.add(line.slice(1));
  else if (line.startsWith("-")) things.delete(line.slice(1));
}

// Processes hold mounts and namespaces, mounts hold folders: in this order, the newest first.
for (const kind of ["pid", "mount", "netns", "dir"]) {
  for (const thing of [...things].reverse()) {
    const [thingKind, ...rest] = thing.split(" ");
    const name = rest.join(" ");
    if (thingKind !== kind) continue;
    if (kind === "pid") killProcess(Number(name));
    else if (kind === "mount") spawnSync("umount", ["-l", name]);
    else if (kind === "netns") spawnSync("ip", ["netns", "delete", name]);
    else rmSync(name, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}
