// etcdserverpb.KV over one member: writes become commands, linearizable reads wait for a read point, and every
// answer is encoded in the turn in which the store gave it, because its values may be views.

import type { ProposeOutcome } from "@althing/member";
import type { CallerOutcome } from "@althing/service";
import {
  bounded,
  type Command,
  type DeleteRangeCommand,
  decodeCommand,
  encodeCommand,
  type RangeRequest,
  type Result,
  shapeFault,
  type TxnCommand,
} from "@althing/store";
import * as wire from "@althing/wire";
import type { GrpcMethod, UnaryCall, UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { type EtcdErrorCode, failWith, memberFault } from "../errors.ts";
import type { Quota } from "../maintenance/quota.ts";
import { CostlyCommands } from "./costly-commands.ts";
import { checkPut, checkRange, checkTxn } from "./kv-checks.ts";
import { answerRange, answerTxn } from "./read-answer.ts";
import { isReadOnly, needsReadPoint, normalizeTxn } from "./txn-shape.ts";

/** What a command of each kind answers with. */
type ResultOf<Kind extends Result["kind"]> = Extract<Result, { kind: Kind }>;

/** Requests by kind that reached this member, for metrics. */
export interface KvCounters {
  range: number;
  put: number;
  deleteRange: number;
  txn: number;
  compact: number;
}

/** What etcd's own envelope adds to a request before it compares it with the limit. */
const envelopeBytes = 18;
const service = "etcdserverpb.KV";

export interface KvDependencies {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly quota: Quota;
  readonly counters: KvCounters;
}

export function kvMethods(dependencies: KvDependencies): GrpcMethod[] {
  const { context, view, admission, access, quota, counters } = dependencies;
  const { member, store } = context;
  const costly = new CostlyCommands(context);

  function propose<Kind extends Result["kind"]>(
    call: UnaryCall<ResultOf<Kind>>,
    kind: Kind,
    command: Command,
    answered = () => {},
  ): void {
    const bytes = encodeCommand(command);
    if (bytes.length + envelopeBytes > context.limits.requestBytesMax) {
      answered();
      failWith(call, shapeFault(command) ?? "tooLarge");
      return;
    }
    const done = (outcome: CallerOutcome<EtcdErrorCode>) => {
      answered();
      if (outcome.kind !== "refused") answer(call, kind, outcome);
      // What is wrong with it for anybody is told before who may not make it.
      else failWith(call, faultOf(bytes) ?? outcome.code);
    };
    if (kind === "compact") access.proposeAsClient(call, bytes, done);
    else access.propose(call, bytes, done);
  }

  /** The same for what may read much, too. */
  function proposeBounded<Kind extends "txn" | "deleteRange">(
    call: UnaryCall<ResultOf<Kind>>,
    kind: Kind,
    command: TxnCommand | DeleteRangeCommand,
  ): void {
    // Whoever is refused for who asks, by the state as it is here, learns nothing of what it would cost.
    if (access.refuses(call, command) !== undefined) propose(call, kind, bounded(command));
    else {
      costly.admit(
        call,
        command,
        (admitted, answered) => propose(call, kind, admitted, answered),
        (code) => failWith(call, code),
      );
    }
  }

  const range: UnaryMethod<Readonly<wire.RangeMessage>, ResultOf<"range">> = {
    kind: "unary",
    service,
    method: "Range",
    decode: wire.decodeRangeRequest,
    encode: (writer, result) => wire.encodeRangeResponse(writer, view.ids, view.raftTerm, result),
    handle(request, call) {
      counters.range++;
      const fault = admission.refuse(call, request.serializable) ?? checkRange(request);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      // Checked just now: the enum values are known ones.
      const checked = request as RangeRequest;
      const read = () => {
        if (call.cancelled) return;
        const refused = access.refusesRange(call, checked);
        if (refused !== undefined) {
          failWith(call, refused);
          return;
        }
        answerRange(context, view, checked, call);
      };
      if (request.serializable) {
        read();
        return;
      }
      member.read((error) => {
        if (error === undefined) read();
        else failWith(call, error.code);
      });
    },
  };

  const put: UnaryMethod<wire.PutMessage, ResultOf<"put">> = {
    kind: "unary",
    service,
    method: "Put",
    decode: wire.decodePutRequest,
    encode: (writer, result) => wire.encodePutResponse(writer, view.ids, view.raftTerm, result),
    handle(request, call) {
      counters.put++;
      const fault =
        admission.refuse(call, false) ??
        (quota.allows(request) ? undefined : "noSpace") ??
        checkPut(request);
      if (fault !== undefined) failWith(call, fault);
      else propose(call, "put", request);
    },
  };

  const deleteRange: UnaryMethod<wire.DeleteRangeMessage, ResultOf<"deleteRange">> = {
    kind: "unary",
    service,
    method: "DeleteRange",
    decode: wire.decodeDeleteRangeRequest,
    encode: (writer, result) =>
      wire.encodeDeleteRangeResponse(writer, view.ids, view.raftTerm, result),
    handle(request, call) {
      counters.deleteRange++;
      const fault = admission.refuse(call, false) ?? (request.key === "" ? "keyEmpty" : undefined);
      if (fault !== undefined) failWith(call, fault);
      else proposeBounded(call, "deleteRange", request);
    },
  };

  const txn: UnaryMethod<wire.TxnMessage, ResultOf<"txn">> = {
    kind: "unary",
    service,
    method: "Txn",
    decode: wire.decodeTxnRequest,
    encode: (writer, result) => wire.encodeTxnResponse(writer, view.ids, view.raftTerm, result),
    handle(request, call) {
      counters.txn++;
      const fault =
        admission.refuse(call, false) ??
        (quota.allows(request) ? undefined : "noSpace") ??
        checkTxn(request, context.limits.txnOpsMax);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      const command = normalizeTxn(request);
      if (!isReadOnly(request)) proposeBounded(call, "txn", command);
      else readTxn(command, needsReadPoint(request), call);
    },
  };

  /** Not logged: it changes nothing. */
  function readTxn(command: TxnCommand, linearizable: boolean, call: UnaryCall<ResultOf<"txn">>) {
    const read = () => {
      if (call.cancelled) return;
      const refused = access.refuses(call, command);
      if (refused !== undefined) {
        failWith(call, refused);
        return;
      }
      if (bounded(command).workMax !== undefined) {
        answerTxn(context, view, command, call);
        return;
      }
      const result = store.readTxn(command);
      if (result.kind === "error") failWith(call, result.code);
      else call.respond(result);
    };
    if (!linearizable) {
      read();
      return;
    }
    member.read((error) => {
      if (error === undefined) read();
      else failWith(call, error.code);
    });
  }

  const { CompactionRequest, CompactionResponse } = wire.etcdCodecs;
  const compact: UnaryMethod<wire.EtcdMessage<"CompactionRequest">, ResultOf<"compact">> = {
    kind: "unary",
    service,
    method: "Compact",
    decode: CompactionRequest.decode,
    encode: (writer, result) =>
      CompactionResponse.write({ header: view.header(result.revision) }, writer),
    // The store has dropped the history when it answers, so `physical` asks for nothing more.
    handle(request, call) {
      counters.compact++;
      const fault = admission.refuse(call, false);
      if (fault !== undefined) failWith(call, fault);
      else propose(call, "compact", { kind: "compact", revision: request.revision });
    },
  };

  return [range, put, deleteRange, txn, compact];
}

/** Of a command's own bytes: those of the request are gone by the time that it is refused. */
function faultOf(bytes: Uint8Array): EtcdErrorCode | undefined {
  const command = decodeCommand(bytes);
  return command && shapeFault(command);
}

function answer<Kind extends Result["kind"]>(
  call: UnaryCall<ResultOf<Kind>>,
  kind: Kind,
  outcome: ProposeOutcome<Result>,
): void {
  if (outcome.kind === "failed") {
    failWith(call, memberFault(outcome.error));
    return;
  }
  const { result } = outcome;
  if (result.kind === "error") failWith(call, result.code);
  // A command answers with a result of its own kind.
  else if (result.kind === kind) call.respond(result as ResultOf<Kind>);
  else failWith(call, "commandUnknown");
}
