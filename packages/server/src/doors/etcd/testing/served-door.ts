// The door over a member of its own on a real socket, and a client that speaks in decoded messages.

import {
  type EtcdInit,
  type EtcdMessage,
  type EtcdMessageName,
  etcdCodecs,
  etcdRpcs,
  type MessageCodec,
} from "@althing/wire";
import {
  type ClientListener,
  createTransportCounters,
  listenClients,
  type TransportCounters,
} from "../../../transport/index.ts";
import { GrpcClient } from "../../../transport/testing/grpc-client.ts";
import type { DoorAuth, DoorContext, DoorLimits } from "../../context.ts";
import { type EtcdDoor, openEtcdDoor } from "../index.ts";
import {
  createSingleMember,
  createTestContext,
  type SingleMember,
  testLimits,
} from "./single-member.ts";

export interface ServedDoor {
  readonly member: SingleMember;
  readonly door: EtcdDoor;
  readonly transport: TransportCounters;
  readonly port: number;
  readonly listener: ClientListener;
  close(): Promise<void>;
}

export async function serveDoor(
  options: {
    limits?: Partial<DoorLimits>;
    quotaBackendBytes?: number;
    port?: number;
    auth?: Partial<DoorAuth>;
    observe?: DoorContext["observe"];
    watchProgressIntervalMs?: number;
  } = {},
): Promise<ServedDoor> {
  const member = createSingleMember();
  const context = createTestContext(member, options);
  const transport = createTransportCounters();
  const door = openEtcdDoor(context, transport);
  const listener = await listenClients({
    host: "127.0.0.1",
    port: options.port ?? 0,
    services: door.services,
    routes: door.routes,
    counters: transport,
    limits: {
      ...testLimits,
      ...options.limits,
      messageBytesMax: context.limits.requestBytesMax + 512 * 1024,
    },
    observe: () => {},
  });
  return {
    member,
    door,
    transport,
    port: listener.address.port,
    listener,
    close: () => listener.close(100),
  };
}

export type Answer<N extends EtcdMessageName> =
  | { readonly status: 0; readonly response: EtcdMessage<N> }
  | { readonly status: number; readonly message: string };

/** Calls by method name: unary methods of KV, Maintenance, Cluster have names of their own. */
export class EtcdClient {
  readonly grpc: GrpcClient;

  constructor(port: number) {
    this.grpc = new GrpcClient(port);
  }

  async call<Request extends EtcdMessageName, Response extends EtcdMessageName>(
    method: string,
    requestName: Request,
    responseName: Response,
    request: EtcdInit<Request>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Response>> {
    const rpc = etcdRpcs.find((one) => one.method === method && one.request === requestName)!;
    // The codecs' types depend on a name that is generic here.
    const encoder = etcdCodecs[requestName] as unknown as MessageCodec<unknown, unknown>;
    const decoder = etcdCodecs[responseName] as unknown as MessageCodec<
      EtcdMessage<Response>,
      unknown
    >;
    const path = `/${rpc.service}/${rpc.method}`;
    const { status, message, messages } = await this.grpc.call(
      path,
      encoder.encode(request),
      headers,
    );
    if (status !== 0) return { status, message };
    return { status: 0, response: decoder.decode(messages[0]!) };
  }

  range(request: EtcdInit<"RangeRequest">, headers?: Readonly<Record<string, string>>) {
    return this.call("Range", "RangeRequest", "RangeResponse", request, headers);
  }

  put(request: EtcdInit<"PutRequest">, headers?: Readonly<Record<string, string>>) {
    return this.call("Put", "PutRequest", "PutResponse", request, headers);
  }

  deleteRange(request: EtcdInit<"DeleteRangeRequest">) {
    return this.call("DeleteRange", "DeleteRangeRequest", "DeleteRangeResponse", request);
  }

  txn(request: EtcdInit<"TxnRequest">) {
    return this.call("Txn", "TxnRequest", "TxnResponse", request);
  }

  compact(request: EtcdInit<"CompactionRequest">) {
    return this.call("Compact", "CompactionRequest", "CompactionResponse", request);
  }

  close(): void {
    this.grpc.close();
  }
}
