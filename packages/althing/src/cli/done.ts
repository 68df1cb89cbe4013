// The answer of what only does something: a sentence for people, facts for programs.

import { exitCode } from "./exit-codes.ts";
import { type OutputForm, writeAnswer, writeLine } from "./print.ts";

export function tellDone(
  form: OutputForm,
  facts: Readonly<Record<string, string | number | boolean>>,
  sentence: string,
): number {
  writeAnswer(form, {
    value: facts,
    table: [Object.keys(facts), [Object.values(facts).map(String)]],
    plain: () => writeLine(sentence),
  });
  return exitCode.ok;
}
