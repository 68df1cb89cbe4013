// GET /metrics: everything that is counted anywhere in this process, in Prometheus' text format. Counting is
// incrementing plain numbers; all work is done when somebody scrapes.

import type { MemberEvent } from "@althing/member";
import type { DoorContext } from "../doors/context.ts";
import type { PeerStats } from "../peers/index.ts";
import type { HttpRoute, TransportCounters } from "../transport/index.ts";
import { grpcFamilies } from "./metrics-grpc.ts";
import { MemberEventCounters, memberFamilies } from "./metrics-member.ts";
import { peerFamilies } from "./metrics-peers.ts";
import { ProcessMetrics } from "./metrics-process.ts";
import { type Family, info, metricsContentType, renderFamilies } from "./metrics-text.ts";

export interface MetricsSources {
  readonly context: DoorContext;
  readonly transport: TransportCounters;
  /** Of each door its own. */
  readonly doors: readonly (readonly Family[])[];
  readonly peers?: () => readonly PeerStats[];
}

export interface Metrics {
  /** Give every event of the member: it must be wired before the member starts. */
  observe(event: MemberEvent): void;
  /** Called once the sources exist; until then a scrape tells about the process alone. */
  connect(sources: MetricsSources): void;
  render(): string;
  readonly route: HttpRoute;
  close(): void;
}

export function createMetrics(): Metrics {
  const events = new MemberEventCounters();
  const host = new ProcessMetrics();
  let families: readonly Family[] = host.families;
  const render = () => renderFamilies(families);
  return {
    observe: (event) => events.observe(event),
    connect(sources) {
      families = [
        versionFamily(sources.context),
        ...memberFamilies(sources.context, events),
        ...sources.doors.flat(),
        ...grpcFamilies(sources.transport),
        ...(sources.peers === undefined
          ? []
          : peerFamilies(sources.context.member.id, sources.peers)),
        ...host.families,
      ];
    },
    render,
    route: {
      path: "/metrics",
      audience: "monitors",
      methods: ["GET"],
      handle(_request, reply) {
        reply.respond(200, { "Content-Type": metricsContentType }, render());
      },
    },
    close: () => host.close(),
  };
}

function versionFamily({ althingVersion }: DoorContext): Family {
  return info("althing_version", "The version of Althing and of Node.", {
    version: althingVersion,
    node: process.versions.node,
  });
}
