// `althing txn`

import { readFileSync } from "node:fs";
import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { clientCommand } from "../client-command.ts";
import { writeAnswer, writeLine } from "../print.ts";
import { readStandardInput } from "../standard-input.ts";
import { describeKeyValue, writePairs } from "./get.ts";
import { parseTxn, TxnUnreadable } from "./txn-text.ts";

export const txnCommand = clientCommand({
  name: "txn",
  summary: "Compare and change several keys at once",
  takes: "[FILE] [options]",
  about: `Reads a transaction from FILE or standard input and does it in one step: compares, an empty line, what is done
if all of them hold, an empty line, what is done otherwise.

  mod("greeting") = "0"

  put greeting hello

  get greeting

Compared are version, create, mod, value and lease with =, !=, < and >. Done are put KEY VALUE, get KEY [END] and
del KEY [END], the latter two also with --prefix.`,
  maybe: ["a file"],
  examples: [
    { command: "althing txn swap.txn", what: "from a file" },
    { command: "althing txn -o json < swap.txn", what: "for a program" },
  ],
  async run({ client, words, form, wrong }) {
    const [file] = words;
    let text: string;
    if (file === undefined) text = (await readStandardInput("Transaction")).toString("utf8");
    else {
      try {
        text = readFileSync(file, "utf8");
      } catch (error) {
        throw wrong(`${file} cannot be read: ${(error as Error).message}`);
      }
    }
    const request = parsed(text, wrong);
    const response = await client.unary(
      "etcdserverpb.KV/Txn",
      codecs.TxnRequest,
      codecs.TxnResponse,
      request,
    );
    const answers = response.responses.map(describe);
    const told = response.succeeded ? "success" : "failure";
    writeAnswer(form, {
      value: {
        succeeded: response.succeeded,
        revision: response.header?.revision ?? 0,
        answers,
      },
      table: [["branch", "answers"], [[told, JSON.stringify(answers)]]],
      plain() {
        writeLine(told.toUpperCase());
        for (const one of response.responses) {
          if (one.response_put !== undefined) writeLine("OK");
          else if (one.response_delete_range !== undefined) {
            writeLine(String(one.response_delete_range.deleted));
          } else writePairs(one.response_range?.kvs ?? [], false, false);
        }
      },
    });
    return 0;
  },
});

function parsed(text: string, wrong: (message: string) => Error) {
  try {
    return parseTxn(text);
  } catch (error) {
    throw error instanceof TxnUnreadable ? wrong(error.message) : error;
  }
}

function describe(one: EtcdMessage<"ResponseOp">) {
  const { response_put, response_delete_range, response_range } = one;
  if (response_put !== undefined) return { kind: "put" };
  if (response_delete_range !== undefined) {
    return { kind: "del", deleted: response_delete_range.deleted };
  }
  return { kind: "get", kvs: (response_range?.kvs ?? []).map(describeKeyValue) };
}
