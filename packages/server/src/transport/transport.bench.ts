// The transport alone against bare node:http2, alternating: puts that are decoded and answered at once.
//
//   node packages/server/src/transport/transport.bench.ts [seconds] [rounds]

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface Subject {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

const seconds = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 2);
const ticksPerSecond = 100;
const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const generator = fileOf("../../../../bench/load/generator.ts");

const subjects = await Promise.all([
  start("node:http2", "testing/put-process-node.ts"),
  start("Althing", "testing/put-process.ts"),
]);
for (const clients of [1, 10, 100, 1000]) {
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      process.stdout.write(`${await measure(subject, clients)}\n`);
    }
  }
}
for (const { child } of subjects) child.stdin!.end();

async function start(name: string, program: string): Promise<Subject> {
  const child = spawn(process.execPath, [fileOf(program)], { stdio: ["pipe", "pipe", "inherit"] });
  const port = Number(await new Promise((resolve) => child.stdout!.once("data", resolve)));
  return { name, child, port };
}

async function measure({ name, child, port }: Subject, clients: number): Promise<string> {
  const before = cpuSeconds(child.pid!);
  const plan = {
    work: "put",
    targets: [{ port }],
    clients,
    seconds,
    warmupSeconds: 0.5,
    valueBytes: 256,
    keys: 10_000,
  };
  const load = spawn(process.execPath, [generator, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  await new Promise<void>((resolve) => {
    load.stdout.on("data", (part: Buffer) => {
      text += part.toString();
      if (text.endsWith("\n")) resolve();
    });
    load.on("close", resolve);
  });
  load.kill();
  const result = JSON.parse(text);
  const per10k = ((cpuSeconds(child.pid!) - before) / result.callsTotal) * 10_000;
  return [
    `${String(clients).padStart(4)} clients`,
    name.padEnd(10),
    `${String(result.callsPerSecond).padStart(7)}/s`,
    `p99 ${result.latency.p99Ms} ms`,
    `${per10k.toFixed(3)} s CPU per 10,000`,
    `generator ${result.generatorCpuPercent} %`,
    result.failed === 0 ? "" : `${result.failed} FAILED`,
  ].join("  ");
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
