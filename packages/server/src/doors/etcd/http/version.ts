// GET /version, as etcd's clients and dashboards read it.

import type { HttpRoute } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";

export function versionRoutes(context: DoorContext): HttpRoute[] {
  return [
    {
      path: "/version",
      audience: "monitors",
      methods: ["GET"],
      handle(_request, reply) {
        const decided = context.member.status().leader !== undefined;
        const body = JSON.stringify({
          etcdserver: context.etcdVersion,
          etcdcluster:
            decided || context.store.appliedIndex > 0 ? context.clusterVersion : "not_decided",
        });
        reply.respond(200, { "Content-Type": "application/json" }, body);
      },
    },
  ];
}
