// A password as it is given: behind a colon, on standard input, or typed twice without being shown.

import { CliError, exitCode } from "../exit-codes.ts";
import { readStandardInput } from "../standard-input.ts";

/** `ada:secret` → ada and secret; a name has no colon, a password may. */
export function nameAndPassword(word: string): { name: string; password: string | undefined } {
  const at = word.indexOf(":");
  return at < 0
    ? { name: word, password: undefined }
    : { name: word.slice(0, at), password: word.slice(at + 1) };
}

export async function askForPassword(name: string): Promise<string> {
  if (!process.stdin.isTTY) {
    const text = (await readStandardInput("Password")).toString("utf8").replace(/\r?\n$/, "");
    if (text === "" || text.includes("\n")) {
      throw new CliError(exitCode.usage, "the password on standard input must be one line");
    }
    return text;
  }
  const first = await typed(`Password of ${name}: `);
  const second = await typed("The same again: ");
  if (first !== second)
    throw new CliError(exitCode.usage, "the two passwords differ; nothing is done");
  if (first === "") throw new CliError(exitCode.usage, "the password is empty; nothing is done");
  return first;
}

const enter = new Set(["\r", "\n", "\u0004"]);
const backspace = new Set(["\u007f", "\b"]);

function typed(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = "";
    const finish = (settle: () => void) => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const take = (chunk: string) => {
      for (const character of chunk) {
        if (character === "\u0003") {
          return finish(() => reject(new CliError(exitCode.interrupted, "interrupted")));
        }
        if (enter.has(character)) return finish(() => resolve(text));
        text = backspace.has(character) ? text.slice(0, -1) : text + character;
      }
    };
    stdin.on("data", take);
  });
}
