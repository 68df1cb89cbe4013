// grpc.health.v1.Health, by which clients and load balancers ask whether the process serves. As in etcd only
// the empty service name is known, and it does not say whether there is a leader.

import { type EtcdInit, type EtcdMessage, etcdCodecs, etcdSchema } from "@althing/wire";
import type { GrpcMethod, ServerStreamMethod, UnaryMethod } from "../../transport/index.ts";
import { failWith } from "./errors.ts";

const { HealthCheckRequest, HealthCheckResponse } = etcdCodecs;
const { SERVING, SERVICE_UNKNOWN } = etcdSchema.enums.ServingStatus;
type Request = EtcdMessage<"HealthCheckRequest">;
type Response = EtcdInit<"HealthCheckResponse">;

const messages = {
  service: "grpc.health.v1.Health",
  decode: HealthCheckRequest.decode,
  encode: (writer: Parameters<typeof HealthCheckResponse.write>[1], response: Response) =>
    HealthCheckResponse.write(response, writer),
};

export function healthMethods(): GrpcMethod[] {
  const check: UnaryMethod<Request, Response> = {
    ...messages,
    kind: "unary",
    audience: "monitors",
    method: "Check",
    handle(request, call) {
      if (request.service === "") call.respond({ status: SERVING });
      else failWith(call, "unknownService");
    },
  };
  const watch: ServerStreamMethod<Request, Response> = {
    ...messages,
    kind: "serverStream",
    method: "Watch",
    // The status never changes while the process lives; the stream stays open until the client leaves.
    handle(request, call) {
      call.send({ status: request.service === "" ? SERVING : SERVICE_UNKNOWN });
    },
  };
  return [check, watch];
}
