// GET /debug/vars, as etcd answers it: how the process was started and how it and its member stand, in JSON.
// While auth is enabled it is for administrators: how a process was started is nobody else's business.
// Of the memory it tells what this runtime has, under the names that dashboards of etcd read.

import { readFileSync } from "node:fs";
import { type HttpRoute, plainText } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Access } from "../auth/access.ts";
import { etcdErrors } from "../errors.ts";

const raftStates = {
  leader: "StateLeader",
  follower: "StateFollower",
  candidate: "StateCandidate",
  learner: "StateFollower",
} as const;

export function debugRoutes(context: DoorContext, access: Access): HttpRoute[] {
  return [
    {
      path: "/debug/vars",
      methods: ["GET"],
      handle(request, reply) {
        const asking = { metadata: (name: string) => request.header(name), caller: request.caller };
        const refused = access.refusesNonAdmin(asking);
        if (refused !== undefined) {
          reply.respond(
            refused === "permissionDenied" ? 403 : 401,
            plainText,
            `${etcdErrors[refused].message}\n`,
          );
          return;
        }
        const body = {
          cmdline: process.argv,
          file_descriptor_limit: fileDescriptorLimit(),
          memstats: memory(),
          "raft.status": consensusStatus(context),
        };
        const headers = { "Content-Type": "application/json; charset=utf-8" };
        reply.respond(200, headers, `${JSON.stringify(body, undefined, 1)}\n`);
      },
    },
  ];
}

function memory() {
  const { heapUsed, heapTotal, rss, external } = process.memoryUsage();
  return {
    Alloc: heapUsed + external,
    Sys: rss,
    HeapAlloc: heapUsed,
    HeapSys: heapTotal,
    HeapInuse: heapUsed,
    HeapIdle: heapTotal - heapUsed,
  };
}

function consensusStatus({ member }: DoorContext) {
  const { id, epoch, leader, commitIndex, appliedIndex, role } = member.status();
  return {
    id,
    term: epoch,
    commit: commitIndex,
    applied: appliedIndex,
    lead: leader ?? "0",
    raftState: (raftStates as Readonly<Record<string, string>>)[role] ?? role,
  };
}

/** 0 where the system does not say. */
function fileDescriptorLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
