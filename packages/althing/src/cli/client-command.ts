// A command that asks a cluster something: how it is addressed, read and closed is the same for all of them, so
// that a command is its words, its options, one call and what it prints.

import {
  type Command,
  type Example,
  type Option,
  type Parsed,
  parseOptions,
  usageError,
} from "./command.ts";
import { connectionOptions, outputForm, withClient } from "./connection.ts";
import type { GrpcClient } from "./grpc-client.ts";
import type { OutputForm } from "./print.ts";

export interface Asked {
  readonly client: GrpcClient;
  readonly parsed: Parsed;
  readonly words: readonly string[];
  readonly form: OutputForm;
  /** What follows `--`: a command to be run. */
  readonly rest: readonly string[];
  /** What was written is wrong: throw it. */
  wrong(message: string): Error;
}

export interface ClientCommand {
  readonly name: string;
  readonly summary: string;
  /** What follows the name in the usage: "ID [options]". */
  readonly takes?: string;
  readonly about: string;
  readonly options?: readonly Option[];
  readonly examples: readonly Example[];
  /** What each word is, in order: "the id of the lease". */
  readonly words?: readonly string[];
  /** And those that may be left out. */
  readonly maybe?: readonly string[];
  /** Takes a command behind `--`. */
  readonly runs?: boolean;
  /** Resolves to the exit code. */
  run(asked: Asked): Promise<number>;
}

export function clientCommand(spec: ClientCommand): Command {
  const command: Command = {
    name: spec.name,
    summary: spec.summary,
    usage: `${spec.name} ${spec.takes ?? "[options]"}`,
    about: spec.about,
    options: [...(spec.options ?? []), ...connectionOptions],
    examples: spec.examples,
    async run(args) {
      const dash = spec.runs === true ? args.indexOf("--") : -1;
      const parsed = parseOptions(command, dash < 0 ? args : args.slice(0, dash));
      const { words } = parsed;
      const wanted = spec.words ?? [];
      const most = wanted.length + (spec.maybe?.length ?? 0);
      const wrong = (message: string) => usageError(command, message);
      if (words.length < wanted.length) throw wrong(`${wanted[words.length]} is missing`);
      if (words.length > most) throw wrong(`too many words: ${words.slice(most).join(" ")}`);
      const rest = dash < 0 ? [] : args.slice(dash + 1);
      if (dash >= 0 && rest.length === 0) throw wrong("there is no command after --");
      const form = outputForm(parsed);
      return await withClient(command, parsed, (client) =>
        spec.run({ client, parsed, words, form, rest, wrong }),
      );
    },
  };
  return command;
}

/** Ids are hexadecimal, as everybody prints them. */
export function idIn(text: string, what: string, wrong: Asked["wrong"]): bigint {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(text)) {
    throw wrong(`"${text}" is no ${what}: it is hexadecimal, like 694d81c0d8a1c703`);
  }
  return BigInt(`0x${text.replace(/^0x/i, "")}`);
}
