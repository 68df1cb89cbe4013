// `althing dev`: a whole cluster on this machine, real processes with real disks, for trying things out.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { protocolNames } from "@althing/server/flags";
import type { Command } from "./command.ts";
import { parseOptions, usageError } from "./command.ts";
import { DevCluster, type DevMember } from "./dev-cluster.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { isPortTaken } from "./port-check.ts";

const membersMax = 6;

export const devCommand: Command = {
  name: "dev",
  summary: "Run a cluster of three on this machine",
  usage: "dev [options]",
  about: `Starts three members as processes of their own, waits until they have a leader, and says how to
use them. They listen at 127.0.0.1:2379, 22379 and 32379, as etcd's examples do; their data is kept
in .althing/ and found again by the next start. A member that dies is started again. Ctrl-C stops
them all.`,
  options: [
    { name: "members", kind: "text", value: "N", help: "How many; 3 if not given" },
    { name: "data-dir", kind: "text", value: "DIR", help: "Where the data lives; .althing" },
    {
      name: "protocol",
      kind: "text",
      value: "raft",
      choices: protocolNames,
      help: "The consensus protocol",
    },
    {
      name: "ports",
      kind: "text",
      value: "P,P,...",
      help: "Client ports, one per member; the peer port is the next one",
    },
    { name: "verbose", short: "v", kind: "boolean", help: "Everything the members log" },
    { name: "help", short: "h", kind: "boolean", help: "This text" },
  ],
  examples: [
    { command: "althing dev", what: "three members" },
    { command: "althing dev --members 5 --data-dir /tmp/five", what: "five, somewhere else" },
    {
      command: "althing dev --ports 4001,4003,4005 --data-dir /tmp/other",
      what: "beside another cluster",
    },
  ],
  async run(args) {
    const parsed = parseOptions(devCommand, args);
    if (parsed.words.length > 0) {
      throw usageError(devCommand, `too many words: ${parsed.words.join(" ")}`);
    }
    const members = planMembers(parsed.text("members"), parsed.text("ports"));
    const dataDir = parsed.text("data-dir") ?? ".althing";
    checkData(members, dataDir);
    await checkPorts(members, dataDir);
    const cluster = new DevCluster({
      members,
      dataDir,
      protocol: parsed.text("protocol") ?? "raft",
      verbose: parsed.flag("verbose"),
    });
    return await cluster.run();
  },
};

export function planMembers(count: string | undefined, ports: string | undefined): DevMember[] {
  const given = ports?.split(",").map(Number);
  const total = count === undefined ? (given?.length ?? 3) : Number(count);
  if (!Number.isInteger(total) || total < 1 || (given === undefined && total > membersMax)) {
    throw usageError(devCommand, `--members must be a number from 1 to ${membersMax}`);
  }
  if (given !== undefined) {
    const usable = given.every((port) => Number.isInteger(port) && port > 0 && port < 65535);
    const distinct = new Set(given.flatMap((port) => [port, port + 1])).size === 2 * given.length;
    if (!usable || !distinct || given.length !== total) {
      throw usageError(
        devCommand,
        `--ports must be ${total} port numbers at least two apart, like 4001,4003,4005`,
      );
    }
  }
  return Array.from({ length: total }, (_, i) => {
    const clientPort = given?.[i] ?? 2379 + (i === 0 ? 0 : (i + 1) * 10_000);
    return { name: `m${i + 1}`, clientPort, peerPort: clientPort + 1 };
  });
}

/** Members find each other where they were founded: with other ports they would wait for ever. */
export function checkData(members: readonly DevMember[], dataDir: string): void {
  const wanted = members.map((member) => member.peerPort).sort();
  for (const { name } of members) {
    const founded = foundingPorts(join(dataDir, name, "identity.json"));
    if (founded === undefined || String([...founded].sort()) === String(wanted)) continue;
    throw new CliError(
      exitCode.dataUnusable,
      `the data in ${dataDir} is of ${founded.length} members at other ports`,
      [
        `althing dev --data-dir ${dataDir} --ports ${founded.map((port) => port - 1).join(",")}`,
        "starts those; for a new cluster give another --data-dir.",
      ],
    );
  }
}

/** Undefined when nothing was founded there, or it cannot be told: the member itself will say. */
function foundingPorts(path: string): number[] | undefined {
  try {
    const { foundingMembers } = JSON.parse(readFileSync(path, "utf8")) as {
      foundingMembers: readonly { name: string; peerUrls: readonly string[] }[];
    };
    return foundingMembers.map(({ peerUrls }) => Number(new URL(peerUrls[0]!).port));
  } catch {
    return undefined;
  }
}

async function checkPorts(members: readonly DevMember[], dataDir: string): Promise<void> {
  const ports = members.flatMap((member) => [member.clientPort, member.peerPort]);
  const taken: number[] = [];
  for (const port of ports) if (await isPortTaken(port)) taken.push(port);
  if (taken.length === 0) return;
  const which = taken.length === 1 ? `port ${taken[0]} is` : `ports ${taken.join(", ")} are`;
  throw new CliError(exitCode.portInUse, `${which} in use by another program`, [
    "Is another `althing dev` or an etcd running? Stop it, or choose other ports:",
    // With data of its own, because what is there belongs to these ports.
    `althing dev --ports ${members.map((_, i) => 4001 + 2 * i).join(",")} --data-dir ${dataDir}-4001`,
  ]);
}
