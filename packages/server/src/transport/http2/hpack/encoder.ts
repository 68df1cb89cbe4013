// HPACK encoding without state: every field is a literal that is never entered into a table, so blocks can
// be made once and sent on any connection, whatever table size its client allows.

import { encodeHuffman } from "./huffman.ts";
import { staticCount, staticNames, staticValues } from "./static-table.ts";

const indexed = 0x80;
const withoutIndexing = 0x00;
const huffman = 0x80;
const nameIndexes = new Map<string, number>();
const fieldIndexes = new Map<string, number>();
for (let index = staticCount; index > 0; index--) {
  nameIndexes.set(staticNames[index]!, index);
  fieldIndexes.set(`${staticNames[index]}\0${staticValues[index]}`, index);
}

/** `fields`: name, value, name, value; names in lower case, values with one unit per byte. */
export function encodeBlock(fields: readonly string[]): Uint8Array {
  const output: number[] = [];
  for (let i = 0; i < fields.length; i += 2) appendField(output, fields[i]!, fields[i + 1]!);
  return Uint8Array.from(output);
}

function appendField(output: number[], name: string, value: string): void {
  const index = fieldIndexes.get(`${name}\0${value}`);
  if (index !== undefined) {
    appendInteger(output, indexed, 0x7f, index);
    return;
  }
  const nameIndex = nameIndexes.get(name) ?? 0;
  appendInteger(output, withoutIndexing, 0x0f, nameIndex);
  if (nameIndex === 0) appendText(output, name);
  appendText(output, value);
}

function appendText(output: number[], text: string): void {
  const coded = encodeHuffman(text);
  if (coded.length < text.length) {
    appendInteger(output, huffman, 0x7f, coded.length);
    for (const byte of coded) output.push(byte);
    return;
  }
  appendInteger(output, 0, 0x7f, text.length);
  for (let i = 0; i < text.length; i++) output.push(text.charCodeAt(i) & 0xff);
}

function appendInteger(output: number[], flags: number, mask: number, value: number): void {
  if (value < mask) {
    output.push(flags | value);
    return;
  }
  output.push(flags | mask);
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) output.push((rest & 0x7f) | 0x80);
  output.push(rest);
}
