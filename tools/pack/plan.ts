// What is published: each package's own sources, and inside it those of ours that it stands on, so that
// whoever installs it gets one package of ours and the real dependencies beside it.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Published {
  /** Folder below packages/. */
  readonly folder: string;
  readonly description: string;
  readonly keywords: readonly string[];
  /** Dependencies without which it works, though not all of it. */
  readonly optional: readonly string[];
  /** Entries beside ".", as its package.json has them, that are not for others. */
  readonly bin: Readonly<Record<string, string>>;
}

export const published: readonly Published[] = [
  {
    folder: "althing",
    description:
      "Coordination server for Node: etcd's API over Raft, Multi-Paxos or Zab; embed it, run it, simulate it",
    keywords: [
      "consensus",
      "raft",
      "paxos",
      "zab",
      "etcd",
      "lock",
      "leader-election",
      "distributed",
    ],
    // Native. Without it the memory engine works.
    optional: ["lmdb"],
    bin: { althing: "./bin/althing.js" },
  },
];

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8"));
}

const ours = "@althing/";

/** Packages of ours that it stands on, itself first. */
export function roomsOf(folder: string): string[] {
  const rooms = [folder];
  for (const room of rooms) {
    for (const name of Object.keys(manifestOf(room).dependencies ?? {})) {
      const other = name.slice(ours.length);
      if (name.startsWith(ours) && !rooms.includes(other)) rooms.push(other);
    }
  }
  return rooms;
}

/** Everything that they need of others. */
export function dependenciesOf(rooms: readonly string[]): Record<string, string> {
  const found = rooms.flatMap((room) => Object.entries(manifestOf(room).dependencies ?? {}));
  return Object.fromEntries(found.filter(([name]) => !name.startsWith(ours)).sort());
}
