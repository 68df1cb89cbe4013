// The sim command as a program of its own, for tests.

import { runSimulatorCommand } from "../index.ts";

process.exitCode = await runSimulatorCommand(process.argv.slice(2));
