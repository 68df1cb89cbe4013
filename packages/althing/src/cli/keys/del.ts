// `althing del`

import { etcdCodecs as codecs } from "@althing/wire";
import { type Command, parseOptions } from "../command.ts";
import { connectionOptions, outputForm, withClient } from "../connection.ts";
import { writeAnswer, writeLine } from "../print.ts";
import { describeKeyValue, writePairs } from "./get.ts";
import { keyRange, rangeOptions } from "./key-range.ts";

export const delCommand: Command = {
  name: "del",
  summary: "Delete keys",
  usage: "del KEY [END] [options]",
  about: "Deletes one key, or all keys from KEY up to END, and prints how many there were.",
  options: [
    ...rangeOptions,
    { name: "prev-kv", kind: "boolean", help: "Print what was deleted" },
    ...connectionOptions,
  ],
  examples: [
    { command: "althing del greeting", what: "one key" },
    { command: "althing del --prefix config/ --prev-kv", what: "a folder, with what was in it" },
  ],
  async run(args) {
    const parsed = parseOptions(delCommand, args);
    const { key, rangeEnd } = keyRange(delCommand, parsed);
    const request = { key, range_end: rangeEnd, prev_kv: parsed.flag("prev-kv") };
    const response = await withClient(delCommand, parsed, (client) =>
      client.unary(
        "etcdserverpb.KV/DeleteRange",
        codecs.DeleteRangeRequest,
        codecs.DeleteRangeResponse,
        request,
      ),
    );
    const revision = response.header?.revision ?? 0;
    const { deleted, prev_kvs } = response;
    writeAnswer(outputForm(parsed), {
      value: { revision, deleted, previous: prev_kvs.map(describeKeyValue) },
      table: [["deleted", "revision"], [[String(deleted), String(revision)]]],
      plain() {
        writeLine(String(deleted));
        writePairs(prev_kvs, false, false);
      },
    });
    return 0;
  },
};
