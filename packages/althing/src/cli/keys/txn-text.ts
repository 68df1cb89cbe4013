// A transaction as people write it: compares, an empty line, what is done if all hold, an empty line, what is
// done otherwise. The same text that etcdctl takes.
//
//   mod("greeting") > "0"
//
//   put greeting "hello again"
//
//   put greeting hello
//   get --prefix config/

import { type EtcdInit, etcdSchema } from "@althing/wire";
import { prefixEnd } from "./key-range.ts";

export class TxnUnreadable extends Error {}

type Compare = EtcdInit<"Compare">;
type Operation = EtcdInit<"RequestOp">;

const { CompareTarget, CompareResult } = etcdSchema.enums;
const targets: Readonly<Record<string, keyof typeof CompareTarget>> = {
  ver: "VERSION",
  version: "VERSION",
  c: "CREATE",
  create: "CREATE",
  m: "MOD",
  mod: "MOD",
  val: "VALUE",
  value: "VALUE",
  lease: "LEASE",
};
const results: Readonly<Record<string, keyof typeof CompareResult>> = {
  "=": "EQUAL",
  "==": "EQUAL",
  "!=": "NOT_EQUAL",
  ">": "GREATER",
  "<": "LESS",
};
const noBytes = new Uint8Array(0);

export function parseTxn(text: string): EtcdInit<"TxnRequest"> {
  const parts: string[][] = [[], [], []];
  let part = 0;
  for (const line of text.split(/\r?\n/).map((one) => one.trim())) {
    if (line !== "") parts[part]!.push(line);
    else if (++part > 2) break;
  }
  const [compares, success, failure] = parts as [string[], string[], string[]];
  return {
    compare: compares.map(parseCompare),
    success: success.map(parseOperation),
    failure: failure.map(parseOperation),
  };
}

function parseCompare(line: string): Compare {
  const match = /^(\w+)\(\s*("(?:[^"\\]|\\.)*"|[^)"]*)\s*\)\s*(==?|!=|<|>)\s*(.+)$/.exec(line);
  if (match === null) {
    throw new TxnUnreadable(`"${line}" is no compare: write it like mod("key") > "0"`);
  }
  const [, name = "", key = "", sign = "", given = ""] = match;
  const target = targets[name.toLowerCase()];
  if (target === undefined) {
    throw new TxnUnreadable(
      `"${name}" cannot be compared: version, create, mod, value and lease can`,
    );
  }
  const common = {
    key: Buffer.from(unquote(key), "utf8"),
    target: CompareTarget[target],
    result: CompareResult[results[sign]!],
  };
  const value = unquote(given.trim());
  if (target === "VALUE") return { ...common, value: Buffer.from(value, "utf8") };
  if (target === "LEASE") {
    if (!/^(0x)?[0-9a-f]+$/i.test(value)) throw new TxnUnreadable(`"${value}" is no lease id`);
    return { ...common, lease: BigInt(`0x${value.replace(/^0x/i, "")}`) };
  }
  const number = Number(value);
  if (value === "" || !Number.isSafeInteger(number)) {
    throw new TxnUnreadable(`"${value}" is no whole number`);
  }
  if (target === "VERSION") return { ...common, version: number };
  return target === "CREATE"
    ? { ...common, create_revision: number }
    : { ...common, mod_revision: number };
}

function parseOperation(line: string): Operation {
  const words = wordsIn(line);
  const options = words.filter((word) => word.startsWith("--"));
  const [verb, key, second, ...more] = words.filter((word) => !word.startsWith("--"));
  const refuse = (why: string): never => {
    throw new TxnUnreadable(`"${line}": ${why}`);
  };
  if (key === undefined) return refuse("write it like: put KEY VALUE, get KEY, del KEY");
  if (more.length > 0) return refuse("too many words; quote a value that has spaces");
  const allowed = { put: [], get: ["--prefix"], del: ["--prefix"] }[verb ?? ""];
  if (allowed === undefined) return refuse(`there is put, get and del, not "${verb}"`);
  const unknown = options.find((option) => !(allowed as string[]).includes(option));
  if (unknown !== undefined) return refuse(`${verb} has no option ${unknown} here`);
  const bytes = Buffer.from(key, "utf8");
  if (verb === "put") {
    if (second === undefined) return refuse("the value is missing");
    return { request_put: { key: bytes, value: Buffer.from(second, "utf8") } };
  }
  const end = second === undefined ? noBytes : Buffer.from(second, "utf8");
  const range_end = options.includes("--prefix") ? prefixEnd(bytes) : end;
  return verb === "get"
    ? { request_range: { key: bytes, range_end } }
    : { request_delete_range: { key: bytes, range_end } };
}

/** Split at spaces, but not within quotes. */
function wordsIn(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']+/g) ?? [];
  return words.map(unquote);
}

function unquote(word: string): string {
  if (/^'.*'$/s.test(word)) return word.slice(1, -1);
  if (!word.startsWith('"')) return word;
  try {
    return JSON.parse(word);
  } catch {
    throw new TxnUnreadable(`${word} is no quoted text: \\" and \\n and the like are known`);
  }
}
