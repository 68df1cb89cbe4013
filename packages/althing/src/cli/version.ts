// `althing version`

import { version } from "../version.ts";
import { type Command, parseOptions } from "./command.ts";
import { outputForm, outputOption } from "./connection.ts";
import { writeAnswer, writeLine } from "./print.ts";

export const versionCommand: Command = {
  name: "version",
  summary: "Print the version",
  usage: "version [options]",
  about: "Prints the version of Althing, the Node it runs on and the platform.",
  options: [outputOption, { name: "help", short: "h", kind: "boolean", help: "This text" }],
  examples: [{ command: "althing version -o json", what: "for a program" }],
  async run(args) {
    const { node } = process.versions;
    const platform = `${process.platform}/${process.arch}`;
    writeAnswer(outputForm(parseOptions(versionCommand, args)), {
      value: { althing: version, node, platform },
      table: [["althing", "node", "platform"], [[version, node, platform]]],
      plain: () => writeLine(`althing ${version}\nnode ${node}\n${platform}`),
    });
    return 0;
  },
};
