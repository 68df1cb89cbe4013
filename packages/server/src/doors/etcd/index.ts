// The etcd door: every service of etcd's API over one member, one file per service, with the plain HTTP
// endpoints that come with it. A method that no file provides answers UNIMPLEMENTED.

import { etcdRpcs } from "@althing/wire";
import { countMethods, type GrpcMethod, type TransportCounters } from "../../transport/index.ts";
import type { DoorContext } from "../context.ts";
import type { Door } from "../door.ts";
import { Admission } from "./admission.ts";
import { Access } from "./auth/access.ts";
import { awaitingTokens } from "./auth/arrival.ts";
import { authMethods } from "./auth/auth.ts";
import { createPasswords } from "./auth/passwords.ts";
import { createTokens } from "./auth/token-options.ts";
import { clusterMethods } from "./cluster/cluster.ts";
import { MemberView } from "./cluster/member-view.ts";
import { installFastText } from "./fast-text.ts";
import { gatewayRoutes } from "./gateway/gateway.ts";
import { healthMethods } from "./health.ts";
import { debugRoutes } from "./http/debug.ts";
import { type HealthCounters, healthRoutes } from "./http/health.ts";
import { versionRoutes } from "./http/version.ts";
import { type KvCounters, kvMethods } from "./kv/kv.ts";
import { leaseMethods } from "./lease/lease.ts";
import { maintenanceMethods } from "./maintenance/maintenance.ts";
import { Quota } from "./maintenance/quota.ts";
import { type EtcdDoorCounters, etcdFamilies } from "./metrics.ts";
import { electionMethods } from "./succession/election.ts";
import { lockMethods } from "./succession/lock.ts";
import { createSuccession } from "./succession/succession.ts";
import { watchMethod } from "./watch/watch.ts";
import { createWatchHub } from "./watch/watch-hub.ts";

export interface EtcdDoor extends Door {
  readonly counters: EtcdDoorCounters;
}

export function openEtcdDoor(context: DoorContext, transport: TransportCounters): EtcdDoor {
  installFastText();
  const view = new MemberView(context);
  const admission = new Admission(view);
  const tokens = createTokens(context.auth.tokens);
  const access = new Access(context, tokens);
  const passwords = createPasswords(context.auth.passwordCost);
  context.store.observeTokens((change) => {
    tokens.observe(change);
    passwords.observe(change);
  });
  const quota = new Quota(context);
  const hub = createWatchHub(context.store);
  context.member.onApplied(() => {
    access.watches.review();
    hub.advance();
  });
  const succession = createSuccession(context, hub);
  const kv: KvCounters = { range: 0, put: 0, deleteRange: 0, txn: 0, compact: 0 };
  const health: HealthCounters = { successes: 0, failures: 0 };
  const served: readonly GrpcMethod[] = [
    ...kvMethods({ context, view, admission, access, quota, counters: kv }),
    ...maintenanceMethods({ context, view, admission, access, quota }),
    ...leaseMethods({ context, view, admission, access }),
    watchMethod({ context, view, admission, access, hub }),
    ...lockMethods({ context, view, admission, access, succession }),
    ...electionMethods({ context, view, admission, access, succession, hub }),
    ...clusterMethods({ context, view, admission, access }),
    ...authMethods({ context, view, admission, access, passwords }),
    ...healthMethods(),
  ];
  const methods = awaitingTokens(served, access, context);
  const names = [...new Set(etcdRpcs.map((rpc) => rpc.service))];
  const services = names.map((name) => ({
    name,
    methods: methods.filter((method) => method.service === name),
  }));
  countMethods(transport, services);
  const counters = { kv, admission: admission.counters, health, watch: hub };
  return {
    name: "etcd",
    services,
    routes: [
      ...healthRoutes(context, health),
      ...versionRoutes(context),
      ...debugRoutes(context, access),
      ...(context.jsonGateway === false ? [] : gatewayRoutes(transport.methods, context.observe)),
    ],
    families: etcdFamilies(context, counters, transport),
    counters,
  };
}
