// Free ports on the loopback interface, also when several test runs share the machine: a port is claimed by
// creating a folder of its number, which only one process can do, and then checked by binding it.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guard } from "./guard.ts";

const first = 27_000;
const last = 27_999;
const root = join(tmpdir(), "althing-test-ports");

export async function claimPorts(count: number): Promise<number[]> {
  mkdirSync(root, { recursive: true });
  const ports: number[] = [];
  const start = first + (process.pid % (last - first));
  for (let i = 0; ports.length < count && i <= last - first; i++) {
    const port = first + ((start - first + i) % (last - first + 1));
    if (!claim(port)) continue;
    if (await isFree(port)) ports.push(port);
    else releasePorts([port]);
  }
  if (ports.length < count) throw new Error(`no ${count} free ports between ${first} and ${last}`);
  return ports;
}

export function releasePorts(ports: readonly number[]): void {
  for (const port of ports) rmSync(join(root, String(port)), { recursive: true, force: true });
}

function claim(port: number): boolean {
  const folder = join(root, String(port));
  try {
    mkdirSync(folder);
  } catch {
    if (isAlive(ownerOf(folder))) return false;
    rmSync(folder, { recursive: true, force: true });
    try {
      mkdirSync(folder);
    } catch {
      return false;
    }
  }
  writeFileSync(join(folder, "pid"), String(process.pid));
  guard("dir", folder);
  return true;
}

function ownerOf(folder: string): number {
  try {
    return Number(readFileSync(join(folder, "pid"), "utf8"));
  } catch {
    // Its owner is just about to write the file: somebody's.
    return process.ppid;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
