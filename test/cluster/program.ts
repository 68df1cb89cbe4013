// The programs a cluster can be made of. Both take etcd's flags, which is itself a property under test.

import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { memberNodeFlags } from "../../packages/althing/src/cli/node-flags.ts";

export type Program = "etcd" | "althing";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const althingScript = join(repository, "packages/althing/bin/althing.js");

/** The protocol that Althing's members order their log by, as the environment asks. */
export const protocol = process.env["ALTHING_TEST_PROTOCOL"] ?? "raft";

export function commandOf(program: Program): readonly string[] {
  if (program === "etcd") return [findProgram("etcd") ?? "etcd"];
  // The member itself, not a launcher that would catch the signals in its place.
  const nodeOptions = (process.env["ALTHING_TEST_NODE_OPTIONS"] ?? "").split(" ").filter(Boolean);
  const protocolFlags = protocol === "raft" ? [] : [`--protocol=${protocol}`];
  return [
    process.execPath,
    ...memberNodeFlags,
    ...nodeOptions,
    althingScript,
    "start",
    ...protocolFlags,
  ];
}

/** Why a program cannot run here, in one line; undefined when it can. */
export function whyMissing(name: string): string | undefined {
  if (name === "althing")
    return isReadable(althingScript) ? undefined : `${althingScript} is missing`;
  return findProgram(name) === undefined ? `the program ${name} is not installed` : undefined;
}

export function findProgram(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(":").concat("/usr/sbin", "/sbin")) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Look further.
    }
  }
  return undefined;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
