// The JSON gateway: POST /v3/... with messages as JSON. It transcodes by the schema and calls the very
// handlers that gRPC calls, so that both ways in behave the same.

import { etcdRpcs, type RpcSpec } from "@althing/wire";
import {
  type GrpcMethod,
  grpcStatus,
  type HttpReceiver,
  type HttpReply,
  type HttpRequestHead,
  type HttpRoute,
  type HttpStreamReply,
  type MethodCounters,
  type TransportCounters,
} from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { GatewayCall } from "./call.ts";
import { refuse, refuseMethod, refuseMissing, refusePath } from "./errors.ts";
import { metadataOf } from "./metadata.ts";
import { GatewayRequest } from "./request.ts";

/** Where the body goes of a request that was refused for its head. */
const ignoring: HttpReceiver = { data() {}, ended() {}, closing() {} };

export function gatewayRoutes(
  methods: TransportCounters["methods"],
  observe: DoorContext["observe"],
): HttpRoute[] {
  const routes: HttpRoute[] = [];
  for (const rpc of etcdRpcs) {
    const served = [...methods].find(
      ([method]) => method.service === rpc.service && method.method === rpc.method,
    );
    const open = (request: HttpRequestHead, reply: HttpStreamReply) =>
      openCall(rpc, served, request, reply, observe);
    for (const path of rpc.rest) {
      routes.push({ path, open }, { path: path.replace("/v3/", "/v3beta/"), open });
    }
  }
  for (const path of ["/v3/*", "/v3beta/*"]) {
    routes.push({ path, handle: (_request, reply: HttpReply) => refusePath(reply) });
  }
  return routes;
}

function openCall(
  rpc: RpcSpec,
  served: readonly [GrpcMethod, MethodCounters] | undefined,
  request: HttpRequestHead,
  reply: HttpStreamReply,
  observe: DoorContext["observe"],
): HttpReceiver {
  const metadata = metadataOf(request);
  if (request.method !== "POST") refuseMethod(reply);
  else if (served === undefined) refuseMissing(reply, rpc.service, rpc.method);
  else if (metadata.timeoutMs === "malformed") {
    const text = `invalid grpc-timeout: ${request.header("grpc-timeout")?.slice(0, 32)}`;
    refuse(reply, grpcStatus.invalidArgument, text);
  } else {
    const [method, counted] = served;
    const call = new GatewayCall(method, counted, rpc.response, metadata, reply);
    return new GatewayRequest(rpc, method, call, (error) =>
      observe({ kind: "gatewayHandlerFailed", level: "error", method: request.path, error }),
    );
  }
  return ignoring;
}
