// The JSON gateway: POST /v3/... with a message as JSON. It transcodes by the schema and calls the very
// handlers that gRPC calls, so that both ways in behave the same. Unary methods; errors in the shape of etcd 3.6.

import {
  createJsonMapping,
  type EtcdMessageName,
  etcdCodecs,
  etcdRpcs,
  etcdSchema,
  type MessageCodec,
  WireError,
  Writer,
} from "@althing/wire";
import {
  type GrpcMethod,
  type GrpcStatus,
  grpcStatus,
  type HttpReply,
  type HttpRequest,
  type HttpRoute,
  parseGrpcTimeout,
  type UnaryCall,
  type UnaryMethod,
} from "../../transport/index.ts";

/** HTTP status by gRPC status code. */
const httpStatuses: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];
const json = createJsonMapping(etcdSchema);
const scratch = new Writer();

const headers = {
  "Content-Type": "application/json",
  "Grpc-Metadata-Content-Type": "application/grpc",
};

export function gatewayRoutes(methods: readonly GrpcMethod[]): HttpRoute[] {
  const routes: HttpRoute[] = [];
  const add = (path: string, handle: (request: HttpRequest, reply: HttpReply) => void) => {
    routes.push({ path, handle }, { path: path.replace("/v3/", "/v3beta/"), handle });
  };
  for (const rpc of etcdRpcs) {
    const method = methods.find((one) => one.service === rpc.service && one.method === rpc.method);
    for (const path of rpc.rest) {
      add(path, (request, reply) => {
        if (request.method !== "POST") {
          refuse(reply, grpcStatus.unimplemented, "Method Not Allowed");
        } else if (method?.kind === "unary") {
          serveUnary(method, rpc.request, rpc.response, request, reply);
        } else {
          const text = `unknown method ${rpc.method} for service ${rpc.service}`;
          refuse(reply, grpcStatus.unimplemented, text);
        }
      });
    }
  }
  for (const path of ["/v3/*", "/v3beta/*"]) {
    routes.push({
      path,
      handle: (_request, reply) => refuse(reply, grpcStatus.notFound, "Not Found"),
    });
  }
  return routes;
}

function serveUnary(
  method: UnaryMethod,
  requestName: EtcdMessageName,
  responseName: EtcdMessageName,
  request: HttpRequest,
  reply: HttpReply,
): void {
  let bytes: Uint8Array;
  try {
    const text = Buffer.from(request.body).toString("utf8").trim();
    const parsed: unknown = text === "" ? {} : parseJson(text);
    // The codec's type depends on the name, which is known only now; the mapping fits it by the schema.
    const codec = etcdCodecs[requestName] as unknown as MessageCodec<unknown, object>;
    bytes = codec.encode(json.fromJson(requestName, parsed));
  } catch (error) {
    if (!(error instanceof WireError || error instanceof SyntaxError)) throw error;
    refuse(reply, grpcStatus.invalidArgument, error.message);
    return;
  }
  const call = new GatewayCall(method, responseName, request, reply);
  try {
    method.handle(method.decode(bytes), call);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    call.fail(grpcStatus.internal, error.message);
  }
}

/** Integers that a double cannot hold are read from the text, digit for digit: ids are 64 bits wide. */
function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source ?? "";
    const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
    return isRounded && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
  });
}

class GatewayCall implements UnaryCall<unknown> {
  readonly caller: HttpRequest["caller"];
  private readonly method: UnaryMethod;
  private readonly responseName: EtcdMessageName;
  private readonly request: HttpRequest;
  private readonly reply: HttpReply;
  private readonly deadline: NodeJS.Timeout | undefined;
  private isPastDeadline = false;
  private ended = false;

  constructor(
    method: UnaryMethod,
    responseName: EtcdMessageName,
    request: HttpRequest,
    reply: HttpReply,
  ) {
    // Whoever comes through the gateway is not whom the certificate names, so it never counts here.
    this.caller = { ...request.caller, commonName: "" };
    this.method = method;
    this.responseName = responseName;
    this.request = request;
    this.reply = reply;
    const timeoutMs = parseGrpcTimeout(request.header("grpc-timeout") ?? "");
    if (timeoutMs === undefined) return;
    this.deadline = setTimeout(
      () => {
        this.isPastDeadline = true;
        this.fail(grpcStatus.deadlineExceeded, "context deadline exceeded");
      },
      Math.min(timeoutMs, 0x7fff_ffff),
    );
  }

  get cancelled(): boolean {
    return this.isPastDeadline || this.reply.cancelled;
  }

  metadata(name: string): string | undefined {
    const own = name === "authorization" ? this.request.header(name) : undefined;
    return own ?? this.request.header(`grpc-metadata-${name}`);
  }

  onCancel(listener: () => void): void {
    this.reply.onCancel(listener);
  }

  respond(response: unknown): void {
    if (this.ended) return;
    this.end();
    scratch.reset();
    this.method.encode(scratch, response);
    const message = etcdCodecs[this.responseName].decode(scratch.take());
    this.reply.respond(200, headers, JSON.stringify(json.toJson(this.responseName, message)));
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.ended) return;
    this.end();
    refuse(this.reply, status, message);
  }

  private end(): void {
    this.ended = true;
    if (this.deadline !== undefined) clearTimeout(this.deadline);
  }
}

function refuse(reply: HttpReply, status: GrpcStatus, message: string): void {
  reply.respond(
    httpStatuses[status] ?? 500,
    { "Content-Type": "application/json" },
    JSON.stringify({ code: status, message }),
  );
}
