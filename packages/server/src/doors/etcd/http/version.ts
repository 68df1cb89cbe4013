// GET /version, as etcd's clients and dashboards read it.

import type { HttpRoute } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";

export function versionRoutes(context: DoorContext): HttpRoute[] {
  return [
    {
      path: "/version",
      handle(request, reply) {
        if (request.method !== "GET") {
          reply.respond(405, { Allow: "GET" }, "Method Not Allowed\n");
          return;
        }
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
