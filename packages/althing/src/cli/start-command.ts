// `althing start`: what it is and how it is written. What it does stands in start.ts, which is loaded only
// when a member is really started.

import { flushCompileCache } from "node:module";
import { version } from "../version.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { describeFlags } from "./help.ts";

export const startCommand: Command = {
  name: "start",
  summary: "Run one member (etcd's flags work here)",
  usage: "start [flags]",
  about: `Runs one member of a cluster. With no flags it is a cluster of one at 127.0.0.1:2379, its data in
default.althing. The flags are etcd's: a script that starts etcd starts Althing when its name is changed.`,
  options: [],
  examples: [
    { command: "althing start", what: "a single member" },
    {
      command: "althing start --config-file m1.yaml",
      what: "from a file with the flags as keys",
    },
    {
      command:
        "althing start --name m1 --initial-advertise-peer-urls http://10.0.0.1:2380 --listen-peer-urls http://10.0.0.1:2380 --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380,m3=http://10.0.0.3:2380",
      what: "one of three",
    },
  ],
  raw: true,
  async run(args) {
    if (args.some((arg) => /^--?(help|help-all|h)$/.test(arg))) {
      process.stdout.write(describeStart(args.includes("--help-all")));
      return exitCode.ok;
    }
    if (args.some((arg) => /^--?version$/.test(arg))) {
      process.stdout.write(`althing ${version}\n`);
      return exitCode.ok;
    }
    const { runMember } = await import("./start.ts");
    // What was compiled is kept (bin/althing.js). Now, because a killed member keeps nothing, and because
    // the first time it takes a while, in which a running member would stand still.
    flushCompileCache();
    return await runMember(args);
  },
};

export function describeStart(all: boolean): string {
  const { about, usage, examples } = startCommand;
  const lines = examples.map((example) => `  # ${example.what}\n  ${example.command}`);
  return `${about}\n\nUsage: althing ${usage}\n\n${describeFlags(all)}\nExamples:\n${lines.join("\n")}\n`;
}
