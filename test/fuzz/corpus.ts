// The inputs that are kept: one file per target, one input a line in base64, and behind "#" what it once found.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("./corpus/", import.meta.url);

export interface KeptInput {
  readonly bytes: Buffer;
  readonly note: string;
}

export function readCorpus(target: string): KeptInput[] {
  const file = new URL(`${target}.txt`, folder);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [text, ...note] = line.split("#");
      return { bytes: Buffer.from(text!.trim(), "base64"), note: note.join("#").trim() };
    });
}

export function writeCorpus(target: string, inputs: readonly KeptInput[]): void {
  const lines = inputs.map(({ bytes, note }) => {
    return note === "" ? bytes.toString("base64") : `${bytes.toString("base64")} # ${note}`;
  });
  writeFileSync(new URL(`${target}.txt`, folder), `${lines.join("\n")}\n`);
}
