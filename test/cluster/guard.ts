// Everything that a test must not leave behind is declared here the moment it exists. The guardian process
// removes what is still declared when the test's process ends, however it ends.

import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

export type Guarded = "pid" | "mount" | "netns" | "dir";

let guardian: ChildProcess | undefined;

export function guard(kind: Guarded, name: string | number): void {
  tell(`+${kind} ${name}`);
}

/** It is gone already: the guardian must not touch what may bear its name later. */
export function unguard(kind: Guarded, name: string | number): void {
  tell(`-${kind} ${name}`);
}

function tell(line: string): void {
  if (guardian === undefined) {
    const script = fileURLToPath(new URL("guardian.ts", import.meta.url));
    guardian = spawn(process.execPath, [script], {
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
    guardian.unref();
    (guardian.stdin as Socket | null)?.unref();
  }
  guardian.stdin?.write(`${line}\n`);
}
