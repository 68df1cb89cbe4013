// `althing get`

import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Command, parseOptions, wholeNumber } from "../command.ts";
import { connectionOptions, outputForm, withClient } from "../connection.ts";
import { cellOf, textOrBase64, writeAnswer, writeLine } from "../print.ts";
import { keyRange, rangeOptions } from "./key-range.ts";

const orders = { ascend: 1, descend: 2 } as const;
const targets = { key: 0, version: 1, create: 2, modify: 3, value: 4 } as const;

export const getCommand: Command = {
  name: "get",
  summary: "Read keys",
  usage: "get KEY [END] [options]",
  about: `Reads one key, or all keys from KEY up to END, and prints each key and its value.
The answer is linearizable: it has seen every write that was acknowledged before.`,
  options: [
    ...rangeOptions,
    { name: "limit", kind: "text", value: "N", help: "At most so many keys" },
    { name: "rev", kind: "text", value: "N", help: "As the keys were at this revision" },
    {
      name: "order",
      kind: "text",
      value: "ascend|descend",
      choices: Object.keys(orders),
      help: "Order of the keys",
    },
    {
      name: "sort-by",
      kind: "text",
      value: Object.keys(targets).join("|"),
      choices: Object.keys(targets),
      help: "What they are ordered by",
    },
    { name: "keys-only", kind: "boolean", help: "No values" },
    { name: "count-only", kind: "boolean", help: "How many, nothing else" },
    { name: "print-value-only", kind: "boolean", help: "No keys (plain output)" },
    {
      name: "serializable",
      kind: "boolean",
      help: "From the asked member's own copy: faster, works without a leader, may be behind",
    },
    ...connectionOptions,
  ],
  examples: [
    { command: "althing get greeting", what: "one key and its value" },
    { command: "althing get --prefix config/ -o table", what: "a folder, as a table" },
    { command: 'althing get --prefix "" --count-only', what: "how many keys are there?" },
    { command: "althing get greeting --rev 5 -o json", what: "as it was, for a program" },
  ],
  async run(args) {
    const parsed = parseOptions(getCommand, args);
    const { key, rangeEnd } = keyRange(getCommand, parsed);
    const order = parsed.text("order") as keyof typeof orders | undefined;
    const target = parsed.text("sort-by") as keyof typeof targets | undefined;
    const sorted = order !== undefined || target !== undefined;
    const request = {
      key,
      range_end: rangeEnd,
      limit: wholeNumber(getCommand, parsed, "limit"),
      revision: wholeNumber(getCommand, parsed, "rev"),
      keys_only: parsed.flag("keys-only"),
      count_only: parsed.flag("count-only"),
      serializable: parsed.flag("serializable"),
      sort_order: sorted ? orders[order ?? "ascend"] : 0,
      sort_target: targets[target ?? "key"],
    };
    const response = await withClient(getCommand, parsed, (client) =>
      client.unary("etcdserverpb.KV/Range", codecs.RangeRequest, codecs.RangeResponse, request),
    );
    const value = describeRange(response);
    const plain = () => {
      if (request.count_only) writeLine(String(response.count));
      else writePairs(response.kvs, request.keys_only, parsed.flag("print-value-only"));
    };
    writeAnswer(outputForm(parsed), {
      value,
      ...(request.count_only ? {} : { items: value.kvs }),
      table: request.count_only
        ? [["count"], [[String(response.count)]]]
        : [titles, response.kvs.map(rowOf)],
      plain,
    });
    return 0;
  },
};

type KeyValue = EtcdMessage<"KeyValue">;

const titles = ["key", "value", "version", "created", "modified", "lease"];

function rowOf(kv: KeyValue): string[] {
  const lease = kv.lease === 0n ? "" : kv.lease.toString(16);
  const numbers = [kv.version, kv.create_revision, kv.mod_revision].map(String);
  return [cellOf(kv.key), cellOf(kv.value), ...numbers, lease];
}

function describeRange(response: EtcdMessage<"RangeResponse">) {
  return {
    revision: response.header?.revision ?? 0,
    count: response.count,
    more: response.more,
    kvs: response.kvs.map(describeKeyValue),
  };
}

export function describeKeyValue(kv: KeyValue) {
  return {
    ...textOrBase64("key", kv.key),
    ...textOrBase64("value", kv.value),
    version: kv.version,
    createRevision: kv.create_revision,
    modRevision: kv.mod_revision,
    ...(kv.lease === 0n ? {} : { lease: kv.lease.toString(16) }),
  };
}

/** Bytes as they are: a value need not be text. */
export function writePairs(kvs: readonly KeyValue[], keysOnly: boolean, valuesOnly: boolean): void {
  const newline = Buffer.from("\n");
  const parts: Uint8Array[] = [];
  for (const kv of kvs) {
    if (!valuesOnly) parts.push(kv.key, newline);
    if (!keysOnly) parts.push(kv.value, newline);
  }
  process.stdout.write(Buffer.concat(parts));
}
