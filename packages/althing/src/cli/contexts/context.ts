// `althing context add | use | list | remove`

import { type Command, type Option, parseOptions, usageError } from "../command.ts";
import { outputForm, outputOption } from "../connection.ts";
import { writeAnswer, writeLine } from "../print.ts";
import {
  type Context,
  contextNamed,
  contextOptions,
  contextsFile,
  readContexts,
  writeContexts,
} from "./contexts.ts";

const helpOption: Option = { name: "help", short: "h", kind: "boolean", help: "This text" };

export const contextAddCommand: Command = {
  name: "context add",
  summary: "Give a cluster a name",
  usage: "context add NAME --endpoints=HOST:PORT,... [options]",
  about: `Keeps under a name where a cluster is and who asks it, so that \`--context NAME\` says it all. A name that
is there is replaced. The file is the user's own (mode 0600), as it may hold a password.`,
  options: [
    { name: "endpoints", kind: "text", value: "HOST:PORT,...", help: "Its members" },
    { name: "user", kind: "text", value: "NAME:PASSWORD", help: "Who asks, where auth is enabled" },
    { name: "cacert", kind: "text", value: "FILE", help: "Authority of the servers' certificates" },
    { name: "cert", kind: "text", value: "FILE", help: "Certificate to show" },
    { name: "key", kind: "text", value: "FILE", help: "Its key" },
    helpOption,
  ],
  examples: [
    {
      command: "althing context add prod --endpoints=10.0.0.1:2379,10.0.0.2:2379 --cacert=ca.pem",
      what: "then: althing context use prod",
    },
  ],
  async run(args) {
    const parsed = parseOptions(contextAddCommand, args);
    const name = onlyWord(contextAddCommand, parsed.words);
    const said = contextOptions.flatMap((option) => {
      const text = parsed.text(option);
      return text === undefined ? [] : [[option, text] as const];
    });
    const context: Context = Object.fromEntries(said);
    if (context.endpoints === undefined) {
      throw usageError(contextAddCommand, "--endpoints is missing");
    }
    const { current, contexts } = readContexts();
    writeContexts({ current, contexts: { ...contexts, [name]: context } });
    writeLine(`Context "${name}" is kept in ${contextsFile()}`);
    return 0;
  },
};

export const contextUseCommand: Command = {
  name: "context use",
  summary: "Ask this cluster from now on",
  usage: "context use NAME",
  about: `Commands that name neither endpoints nor a context ask this one from now on. \`context use ""\` ends that.`,
  options: [helpOption],
  examples: [{ command: "althing context use prod", what: "and `althing status` shows it" }],
  async run(args) {
    const name = onlyWord(contextUseCommand, parseOptions(contextUseCommand, args).words);
    const all = readContexts();
    if (name !== "") contextNamed(all, name);
    writeContexts({ current: name === "" ? undefined : name, contexts: all.contexts });
    return 0;
  },
};

export const contextListCommand: Command = {
  name: "context list",
  summary: "The clusters that have a name, and which is in use",
  usage: "context list [options]",
  about: "Lists the contexts. Passwords are not shown.",
  options: [outputOption, helpOption],
  examples: [{ command: "althing context list -o table", what: "as a table" }],
  async run(args) {
    const parsed = parseOptions(contextListCommand, args);
    if (parsed.words.length > 0) throw usageError(contextListCommand, "it takes no words");
    const { current, contexts } = readContexts();
    const rows = Object.entries(contexts).map(([name, context]) => ({
      name,
      inUse: name === current,
      endpoints: context.endpoints ?? "",
      user: context.user?.split(":")[0] ?? "",
      cacert: context.cacert ?? "",
    }));
    writeAnswer(outputForm(parsed), {
      value: rows,
      table: [
        ["", "name", "endpoints", "user", "cacert"],
        rows.map((row) => [row.inUse ? "*" : "", row.name, row.endpoints, row.user, row.cacert]),
      ],
      plain() {
        for (const row of rows) writeLine(`${row.inUse ? "*" : " "} ${row.name}  ${row.endpoints}`);
      },
    });
    return 0;
  },
};

export const contextRemoveCommand: Command = {
  name: "context remove",
  summary: "Forget a cluster's name",
  usage: "context remove NAME",
  about: "Removes a context from the file. The cluster is not touched.",
  options: [helpOption],
  examples: [{ command: "althing context remove prod", what: "forgotten" }],
  async run(args) {
    const name = onlyWord(contextRemoveCommand, parseOptions(contextRemoveCommand, args).words);
    const all = readContexts();
    contextNamed(all, name);
    const contexts = { ...all.contexts };
    delete contexts[name];
    writeContexts({ current: all.current === name ? undefined : all.current, contexts });
    return 0;
  },
};

function onlyWord(command: Command, words: readonly string[]): string {
  const [name, ...more] = words;
  if (name === undefined) throw usageError(command, "the name of the context is missing");
  if (more.length > 0) throw usageError(command, `too many words: ${more.join(" ")}`);
  return name;
}
