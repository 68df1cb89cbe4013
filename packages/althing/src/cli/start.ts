// One member as a process of its own. It ends cleanly on SIGINT and SIGTERM, at once on
// a second one, and with a message that says what to do when it cannot go on.

import { format } from "node:util";
import {
  ConfigError,
  createLogger,
  DataDirectoryError,
  gatherSettings,
  IdentityError,
  ListenError,
  type Logger,
  resolveConfig,
  type Server,
  startServer,
} from "@althing/server";
import { version } from "../version.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { onStopSignal } from "./stop-signals.ts";

export async function runMember(args: readonly string[]): Promise<number> {
  try {
    const gathered = gatherSettings({ args, environment: process.env });
    const { config, warnings } = resolveConfig(gathered.settings);
    const logger = createLogger({
      level: config.logLevel,
      format: config.logFormat,
      outputs: config.logOutputs,
      fields: { name: config.name },
    });
    for (const warning of [...gathered.warnings, ...warnings]) logger.warn(warning);
    crashOnBugs(logger);
    logConsole(logger);
    logger.info(`althing ${version} on Node ${process.versions.node}`, { pid: process.pid });
    const abort = new AbortController();
    const starting = startServer(config, { logger, version, abort: abort.signal });
    stopOnSignals(starting, abort, logger);
    const server = await starting;
    const ended = await server.ended;
    // Whatever still holds the loop (a client that does not hang up) must not hold the process.
    setTimeout(() => process.exit(process.exitCode ?? exitCode.ok), 250).unref();
    if (ended.code === "identityRefused") {
      throw new CliError(
        exitCode.identityRefused,
        `the cluster refuses this member: ${ended.reason}`,
        [
          "If its data directory was lost: `member remove` it on a healthy member, `member add` it",
          "again, and start it with an empty data directory and --initial-cluster-state=existing.",
          "If the data still exists elsewhere, start it with --data-dir pointing there.",
        ],
      );
    }
    if (ended.code === "removed") {
      throw new CliError(exitCode.identityRefused, ended.reason, [
        "To have a member here again, add one (`member add`) and start it with an empty data directory and",
        "--initial-cluster-state=existing.",
      ]);
    }
    if (ended.code === "failed") throw new CliError(exitCode.failed, ended.reason);
    return exitCode.ok;
  } catch (error) {
    if (error instanceof IdentityError && error.code === "joinAbandoned") return exitCode.ok;
    throw explainStart(error);
  }
}

function explainStart(error: unknown): unknown {
  if (error instanceof ConfigError) {
    return new CliError(exitCode.usage, error.message, ["Help: althing start --help"]);
  }
  if (error instanceof ListenError) return new CliError(exitCode.portInUse, error.message);
  if (error instanceof IdentityError && error.code === "removed") {
    return new CliError(exitCode.identityRefused, error.message);
  }
  if (error instanceof DataDirectoryError || error instanceof IdentityError) {
    return new CliError(exitCode.dataUnusable, error.message);
  }
  const { name, message } = error instanceof Error ? error : { name: "", message: "" };
  if (name === "LogError" || name === "RecoveryError" || name === "DiskError") {
    return new CliError(exitCode.dataUnusable, message);
  }
  return error;
}

function stopOnSignals(starting: Promise<Server>, abort: AbortController, logger: Logger): void {
  let asked = false;
  const stop = (why: string) => {
    if (asked) return;
    asked = true;
    logger.info(`${why}: stopping`);
    abort.abort();
    starting.then(
      (server) => server.stop(),
      // Why it did not start is said where it was started.
      () => undefined,
    );
  };
  onStopSignal(
    ["SIGINT", "SIGTERM"],
    (signal) => stop(signal === "SIGINT" ? "interrupted" : "asked to terminate"),
    (signal) => {
      logger.warn(`${signal} again: ending at once`);
      process.exit(exitCode.interrupted);
    },
  );
  // A member started by `althing dev` ends with it, also when that was killed.
  if (process.channel !== undefined) {
    process.channel.unref();
    process.once("disconnect", () => stop("the process that started this member is gone"));
  }
}

/** What libraries print for themselves would break a log of JSON lines: it becomes a line of its own. */
function logConsole(logger: Logger): void {
  console.error = (...values) => {
    // LMDB's native code has said the same before, and has not ended its line.
    process.stderr.write("\n");
    logger.warn(format(...values));
  };
  console.warn = console.error;
}

/** A bug ends the process: a member in an unknown state must not go on serving. */
function crashOnBugs(logger: Logger): void {
  const crash = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    logger.error("this is a bug; the member ends to keep its data safe", { stack });
    process.exit(exitCode.failed);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}
