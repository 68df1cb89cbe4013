// `althing sim`: the simulator's own command line, loaded only when it is asked for.

import type { Command } from "./command.ts";

export const simCommand: Command = {
  name: "sim",
  summary: "Run the members in a hostile, deterministic world",
  usage: "sim [options]",
  about:
    "Runs the very code of the members over a simulated network, disk and clock, under faults. One\nseed decides everything; a run can be replayed bit for bit. `althing sim --help` tells the options.\nEnds with 0 when every run passed, with 10 to 14 by what was found (the help tells which), and with 3 when the\ncommand line is wrong.",
  options: [],
  examples: [
    { command: "althing sim --seeds 100", what: "a hundred worlds" },
    { command: "althing sim --seed 7 --trace", what: "one of them, told line by line" },
  ],
  raw: true,
  async run(args) {
    const { runSimulatorCommand } = await import("@althing/simulator/cli");
    return await runSimulatorCommand([...args]);
  },
};
