// `althing status`: every member asked for itself, at the same time, so that one that is down shows.

import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Command, type Parsed, parseOptions, usageError } from "../command.ts";
import { connectionOptions, outputForm, withClient } from "../connection.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { GrpcFailure } from "../grpc-failure.ts";
import { formatBytes, writeAnswer } from "../print.ts";
import { askedEndpoints, clusterOption } from "./asked-endpoints.ts";
import { hexId } from "./members.ts";

export const statusCommand: Command = {
  name: "status",
  summary: "Who is up, who leads, how far everybody is",
  usage: "status [options]",
  about: `Asks each endpoint how it is: version, size, role, term, last and applied index, alarms.
Ends with ${exitCode.unreachable} when one cannot be reached and with ${exitCode.failed} when one has no leader or an alarm, or refuses.`,
  options: [clusterOption, ...connectionOptions],
  examples: [
    { command: "althing status --cluster -o table", what: "the whole cluster" },
    { command: "althing status -o json", what: "for a program" },
  ],
  async run(args) {
    const parsed = parseOptions(statusCommand, args);
    if (parsed.words.length > 0) {
      throw usageError(statusCommand, `too many words: ${parsed.words.join(" ")}`);
    }
    const endpoints = await askedEndpoints(statusCommand, parsed);
    const reports = await Promise.all(endpoints.map((endpoint) => ask(parsed, endpoint)));
    writeAnswer(outputForm(parsed), {
      value: reports.map(describeReport),
      table: [titles, reports.map(rowOf)],
    });
    for (const report of reports) {
      if (report.problem === undefined) continue;
      process.stderr.write(`${report.endpoint}: ${report.problem}\n`);
    }
    if (reports.some((report) => !report.reached)) return exitCode.unreachable;
    const unwell = reports.some(
      (report) => report.status?.errors.length !== 0 || role(report) === "",
    );
    return unwell ? exitCode.failed : exitCode.ok;
  },
};

interface Report {
  readonly endpoint: string;
  /** It has answered, be it that it refused. */
  readonly reached: boolean;
  readonly status: EtcdMessage<"StatusResponse"> | undefined;
  readonly problem: string | undefined;
}

async function ask(parsed: Parsed, endpoint: string): Promise<Report> {
  try {
    const status = await withClient(
      statusCommand,
      parsed,
      (client) =>
        client.unary(
          "etcdserverpb.Maintenance/Status",
          codecs.StatusRequest,
          codecs.StatusResponse,
          {},
        ),
      [endpoint],
    );
    return { endpoint, reached: true, status, problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const hints =
      error instanceof CliError ? error.hints.map((hint) => `\n  ${hint}`).join("") : "";
    return {
      endpoint,
      reached: wasRefused(error),
      status: undefined,
      problem: `${problem.replace(`${endpoint}: `, "")}${wasRefused(error) ? hints : ""}`,
    };
  }
}

function wasRefused(error: unknown): boolean {
  if (error instanceof CliError) return error.exitCode === exitCode.failed;
  return error instanceof GrpcFailure;
}

function role(report: Report): string {
  const { status } = report;
  if (status === undefined || status.leader === 0n) return "";
  if (status.leader === status.header?.member_id) return "leader";
  return status.isLearner ? "learner" : "follower";
}

const titles = ["endpoint", "id", "version", "size", "role", "term", "index", "applied", "errors"];

function rowOf(report: Report): string[] {
  const { endpoint, reached, status } = report;
  if (status === undefined) {
    return [endpoint, "", "", "", reached ? "refused" : "unreachable", "", "", "", ""];
  }
  return [
    endpoint,
    hexId(status.header?.member_id ?? 0n),
    status.version,
    formatBytes(status.dbSize),
    role(report) || "no leader",
    String(status.raftTerm),
    String(status.raftIndex),
    String(status.raftAppliedIndex),
    status.errors.join("; "),
  ];
}

function describeReport(report: Report) {
  const { endpoint, reached: reachable, status, problem } = report;
  if (status === undefined) return { endpoint, reachable, problem };
  return {
    endpoint,
    reachable,
    clusterId: hexId(status.header?.cluster_id ?? 0n),
    memberId: hexId(status.header?.member_id ?? 0n),
    leader: status.leader === 0n ? null : hexId(status.leader),
    role: role(report) || "none",
    version: status.version,
    revision: status.header?.revision ?? 0,
    sizeBytes: status.dbSize,
    sizeInUseBytes: status.dbSizeInUse,
    term: status.raftTerm,
    index: status.raftIndex,
    appliedIndex: status.raftAppliedIndex,
    errors: status.errors,
  };
}
