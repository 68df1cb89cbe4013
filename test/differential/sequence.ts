// One seeded sequence of operations against a reference and a subject, compared answer by answer. Both start
// empty, so that a seed alone replays a difference.

import type { EtcdClient } from "../client/etcd-client.ts";
import { methods } from "../client/messages.ts";
import { decode, type Message } from "../client/protobuf.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { Program } from "../cluster/program.ts";
import type { ComparableAnswer } from "./answer.ts";
import { difference } from "./compare.ts";
import { type Known, makeOperation, type Operation } from "./operations.ts";
import { Random } from "./random.ts";

export interface SequenceOptions {
  readonly seed: number;
  readonly operations: number;
  readonly members: number;
  readonly reference: Program;
  readonly subject: Program;
}

export interface SequenceReport {
  readonly operations: number;
  /** How many answers were errors: a sequence of errors alone would prove little. */
  readonly errors: number;
  readonly revision: number;
}

export async function runSequence(options: SequenceOptions): Promise<SequenceReport> {
  await using held = new AsyncDisposableStack();
  const start = async (program: Program) => {
    return held.use(await Cluster.start({ program, members: options.members }));
  };
  // One after the other: when the second does not start, the first is still disposed of.
  const reference = await start(options.reference);
  const subject = await start(options.subject);
  const clients = [reference, subject].map((cluster) => {
    return cluster.members.map((member) => {
      return held.adopt(member.client(20_000), (client) => client.close());
    });
  });
  return await compareAll(options, clients[0] ?? [], clients[1] ?? [], () => subject.logs(15));
}

async function compareAll(
  options: SequenceOptions,
  reference: readonly EtcdClient[],
  subject: readonly EtcdClient[],
  logs: () => string,
): Promise<SequenceReport> {
  const random = new Random(options.seed);
  const known: Known = { revision: 1, floor: -1 };
  let errors = 0;
  const last = wholeState(options.members);
  for (let number = 0; number < options.operations + last.length; number++) {
    const hasOneMember = options.members === 1;
    const final = last[number - options.operations];
    const operation = final?.operation(known) ?? makeOperation({ random, known, hasOneMember });
    const member = final?.member ?? random.below(options.members);
    const [expected, found] = await Promise.all([
      ask(reference[member], operation),
      ask(subject[member], operation),
    ]);
    const differs = difference(operation, expected, found);
    if (differs !== undefined) {
      throw new Error(
        [
          `seed ${options.seed}, operation ${number} (${operation.method}, member ${member}):`,
          show(operation.request),
          `${options.reference} answers:`,
          show(differs.reference),
          `${options.subject} answers:`,
          show(differs.subject),
          `first difference, ${options.reference} or ${options.subject}: ${differs.at}`,
          `replay: ALTHING_DIFFERENTIAL_SEED=${options.seed} node tools/test.ts interop test/differential`,
          logs(),
        ].join("\n"),
      );
    }
    if (expected.code !== 0) errors += 1;
    learn(known, operation, expected);
  }
  return { operations: options.operations, errors, revision: known.revision };
}

async function ask(
  client: EtcdClient | undefined,
  operation: Operation,
): Promise<ComparableAnswer> {
  if (client === undefined) throw new Error("no such member");
  if (operation.method === "raw") {
    const reply = await client.callRaw(operation.path ?? "", operation.body ?? new Uint8Array());
    const response = reply.code === 0 ? decode(methods.put.response, reply.body) : undefined;
    return { code: reply.code, message: reply.message, response };
  }
  const answer = await client.call<Message>(methods[operation.method], operation.request);
  return answer.code === 0
    ? { code: 0, message: "", response: (answer as { response: Message }).response }
    : { code: answer.code, message: (answer as { message: string }).message, response: undefined };
}

interface FinalOperation {
  readonly member: number;
  operation(known: Known): Operation;
}

/**
 * Whatever the answers did not show: the checksum over all that is stored, on every member. What a compaction
 * has not yet removed counts too, so one that waits until it has comes first.
 */
function wholeState(members: number): FinalOperation[] {
  const put: Operation = { method: "put", request: { key: "last", value: "1" } };
  const all = Array.from({ length: members }, (_, member): FinalOperation[] => [
    // Linearizable: the member has everything.
    { member, operation: () => ({ method: "range", request: { key: "last" } }) },
    { member, operation: () => ({ method: "hashKV", request: {} }) },
  ]);
  return [
    { member: 0, operation: () => put },
    { member: 0, operation: () => put },
    {
      member: 0,
      operation: ({ revision }) => {
        return { method: "compact", request: { revision: revision - 1, physical: true } };
      },
    },
    ...all.flat(),
  ];
}

function learn(known: Known, operation: Operation, answer: ComparableAnswer): void {
  const header = answer.response?.["header"] as Message | undefined;
  known.revision = Math.max(known.revision, Number(header?.["revision"] ?? 0));
  if (operation.method === "compact" && answer.code === 0) {
    known.floor = Number(operation.request["revision"] ?? 0);
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_, inner: unknown) => {
      if (typeof inner === "bigint") return String(inner);
      if (inner instanceof Uint8Array) return `${inner.length} bytes`;
      return inner;
    },
    2,
  );
  // Keys are bytes: every one that a terminal would hide is shown by its number.
  return text.replace(
    /[^\n -~]/g,
    (byte) => `\\u${byte.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
