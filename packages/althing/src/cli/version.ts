// `althing version`

import { version } from "../version.ts";
import { type Command, parseOptions } from "./command.ts";
import { writeJson, writeLine } from "./print.ts";

export const versionCommand: Command = {
  name: "version",
  summary: "Print the version",
  usage: "version [-o plain|json]",
  about: "Prints the version of Althing, the Node it runs on and the platform.",
  options: [
    {
      name: "output",
      short: "o",
      kind: "text",
      value: "plain|json",
      choices: ["plain", "json"],
      help: "Form of the output",
    },
    { name: "help", short: "h", kind: "boolean", help: "This text" },
  ],
  examples: [{ command: "althing version -o json", what: "for a program" }],
  async run(args) {
    const parsed = parseOptions(versionCommand, args);
    const facts = {
      althing: version,
      node: process.versions.node,
      platform: `${process.platform}/${process.arch}`,
    };
    if (parsed.text("output") === "json") writeJson(facts);
    else {
      writeLine(`althing ${facts.althing}`);
      writeLine(`node ${facts.node}`);
      writeLine(facts.platform);
    }
    return 0;
  },
};
