// How the gateway refuses: the shapes of etcd 3.5 (`error`, `grpc_code`) and of 3.6 (`code` and `message` alone)
// in one, so that clients written for either find what they look for. HTTP statuses are those of 3.5.

import { type GrpcStatus, grpcStatus, type HttpReply, http } from "../../../transport/index.ts";

/** By gRPC status. */
const httpStatuses: readonly number[] = [
  200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

export function refuse(reply: HttpReply, status: GrpcStatus, message: string): void {
  const body = JSON.stringify({ error: message, message, code: status });
  reply.respond(httpStatuses[status] ?? 500, { "Content-Type": "application/json" }, body);
}

/** After a stream has begun: its last line. */
export function errorLine(status: GrpcStatus, message: string): string {
  const http_code = httpStatuses[status] ?? 500;
  const http_status = http.STATUS_CODES[http_code] ?? "";
  const error = { grpc_code: status, http_code, message, http_status, code: status };
  return `${JSON.stringify({ error })}\n`;
}

export function refuseMethod(reply: HttpReply): void {
  reply.respond(405, plain, "Method Not Allowed\n");
}

export function refusePath(reply: HttpReply): void {
  reply.respond(404, plain, "Not Found\n");
}

export function refuseMissing(reply: HttpReply, service: string, method: string): void {
  refuse(reply, grpcStatus.unimplemented, `unknown method ${method} for service ${service}`);
}
