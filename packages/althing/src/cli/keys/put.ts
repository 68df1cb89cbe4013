// `althing put`

import { etcdCodecs as codecs } from "@althing/wire";
import { type Command, parseOptions, usageError } from "../command.ts";
import { connectionOptions, outputForm, withClient } from "../connection.ts";
import { writeAnswer, writeLine } from "../print.ts";
import { readStandardInput } from "../standard-input.ts";
import { describeKeyValue, writePairs } from "./get.ts";

export const putCommand: Command = {
  name: "put",
  summary: "Write a key",
  usage: "put KEY [VALUE] [options]",
  about: `Writes a value under a key. Without VALUE it is read from standard input.
When "OK" is printed the write is on the disks of a majority of the members.`,
  options: [
    { name: "lease", kind: "text", value: "HEX", help: "Delete the key when this lease ends" },
    { name: "prev-kv", kind: "boolean", help: "Print what was there before" },
    ...connectionOptions,
  ],
  examples: [
    { command: "althing put greeting hello", what: "write" },
    { command: "althing put config/app < app.json", what: "the content of a file" },
    { command: "althing put -o json greeting hi --prev-kv", what: "with what it replaced" },
  ],
  async run(args) {
    const parsed = parseOptions(putCommand, args);
    const [key, text, ...more] = parsed.words;
    if (key === undefined) throw usageError(putCommand, "which key?");
    if (key === "") throw usageError(putCommand, "a key must not be empty");
    if (more.length > 0) {
      throw usageError(
        putCommand,
        `too many words; quote the value: "${[text, ...more].join(" ")}"`,
      );
    }
    const value = text === undefined ? await readStandardInput("Value") : Buffer.from(text, "utf8");
    const request = {
      key: Buffer.from(key, "utf8"),
      value,
      lease: readLease(parsed.text("lease")),
      prev_kv: parsed.flag("prev-kv"),
    };
    const response = await withClient(putCommand, parsed, (client) =>
      client.unary("etcdserverpb.KV/Put", codecs.PutRequest, codecs.PutResponse, request),
    );
    const revision = response.header?.revision ?? 0;
    const previous = response.prev_kv;
    const before = previous === undefined ? {} : { previous: describeKeyValue(previous) };
    writeAnswer(outputForm(parsed), {
      value: { revision, ...before },
      table: [["key", "revision"], [[key, String(revision)]]],
      plain() {
        writeLine("OK");
        if (previous !== undefined) writePairs([previous], false, false);
      },
    });
    return 0;
  },
};

function readLease(text: string | undefined): bigint {
  if (text === undefined) return 0n;
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) {
    throw usageError(putCommand, "--lease is the lease's id in hexadecimal");
  }
  return BigInt.asIntN(64, BigInt(`0x${text}`));
}
