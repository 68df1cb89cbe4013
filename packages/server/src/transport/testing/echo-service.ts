// A service that shows what a transport does: it echoes, streams, waits, throws and counts cancellations.

import { type EtcdMessage, etcdCodecs, type Writer } from "@althing/wire";
import {
  type ClientListener,
  createTransportCounters,
  type GrpcService,
  grpcStatus,
  type ListenOptions,
  listenClients,
  type StreamCall,
} from "../index.ts";

const { PutRequest } = etcdCodecs;
type Put = EtcdMessage<"PutRequest">;

const codec = {
  service: "test.Echo",
  decode: PutRequest.decode,
  encode: (writer: Writer, response: Put) => PutRequest.write(response, writer),
};

export interface EchoServer extends ClientListener {
  readonly counters: ReturnType<typeof createTransportCounters>;
  /** How often a call was told that its client is gone. */
  cancelled: number;
  readonly events: string[];
  /** Streams that `Flood` feeds while they take it. */
  readonly open: StreamCall<Put>[];
}

export async function startEcho(options: Partial<ListenOptions> = {}): Promise<EchoServer> {
  const open: StreamCall<Put>[] = [];
  const events: string[] = [];
  const service: GrpcService = {
    name: "test.Echo",
    methods: [
      {
        ...codec,
        kind: "unary",
        audience: "monitors",
        method: "Echo",
        handle: (request: Put, call) => call.respond(request),
      },
      {
        ...codec,
        kind: "unary",
        method: "Fail",
        handle: (_request, call) => call.fail(grpcStatus.aborted, "no: 100% zu spät\n"),
      },
      {
        ...codec,
        kind: "unary",
        method: "Throw",
        handle: () => {
          throw new Error("a bug of the handler");
        },
      },
      {
        ...codec,
        kind: "unary",
        method: "Wait",
        handle: (_request, call) => {
          call.onCancel(() => {
            server.cancelled++;
          });
        },
      },
      {
        ...codec,
        kind: "serverStream",
        method: "Repeat",
        handle: (request: Put, call) => {
          for (let i = 0; i < 3; i++) call.send(request);
          call.end();
        },
      },
      {
        ...codec,
        kind: "serverStream",
        method: "Flood",
        handle: (_request, call: StreamCall<Put>) => void open.push(call),
      },
      {
        ...codec,
        kind: "bidi",
        method: "Talk",
        open: (call) => ({
          message: (request) => void call.send(request),
          halfClosed: () => call.end(),
        }),
      },
    ],
  };
  const counters = createTransportCounters([service]);
  const listener = await listenClients({
    host: "127.0.0.1",
    port: 0,
    services: [service],
    routes: [
      {
        path: "/here",
        audience: "monitors",
        handle: (request, reply) =>
          reply.respond(
            200,
            { "Content-Type": "text/plain" },
            `${request.method} ${request.caller.commonName}`,
          ),
      },
      {
        path: "/throws",
        handle: () => {
          throw new Error("a bug of the route");
        },
      },
      {
        path: "/echo",
        open: (_request, reply) => {
          reply.onCancel(() => {
            server.cancelled++;
          });
          return {
            data(bytes) {
              reply.begin(200, { "Content-Type": "text/plain" });
              reply.write(Buffer.from(bytes).toString("latin1"));
            },
            ended: () => reply.end(),
            closing: () => reply.end(),
          };
        },
      },
    ],
    limits: { messageBytesMax: 2_097_152, concurrentStreamsMax: 1000, connectionsMax: 10_000 },
    counters,
    observe: (event) => void events.push(event.kind),
    ...options,
  });
  const server: EchoServer = { ...listener, counters, cancelled: 0, events, open };
  return server;
}
