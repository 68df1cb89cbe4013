// etcd's own end-to-end tests, as Debian packs them: built once, listed, and run one at a time against members of
// Althing that are started in etcd's place. Each run has network and process namespaces of its own, because the
// tests use fixed ports and leave processes behind when they fail.

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandOf, findProgram } from "../cluster/program.ts";

const sources = "/usr/share/gocode/src/go.etcd.io/etcd/tests/e2e";
const testSecondsMax = 90;
/** The version of etcd that Althing tells its clients, and that the tests look for. */
const toldVersion = "3.5.21";

/** Why the tests cannot run here, in one line; undefined when they can. */
export function whyNotHere(): string | undefined {
  for (const program of ["go", "etcd", "etcdctl", "unshare", "ip", "curl"]) {
    if (findProgram(program) === undefined) return `the program ${program} is not installed`;
  }
  if (!existsSync(sources)) return "the package golang-etcd-server-dev is not installed";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  return undefined;
}

export class EtcdSuite {
  readonly #folder = mkdtempSync(join(tmpdir(), "althing-etcd-e2e-"));
  readonly #program = join(this.#folder, "e2e.test");

  constructor() {
    const env = { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode" };
    const cache = { GOCACHE: join(this.#folder, "cache") };
    execFileSync(
      "go",
      [
        "test",
        "-c",
        "-ldflags",
        `-X go.etcd.io/etcd/version.Version=${toldVersion}`,
        "-o",
        this.#program,
        ".",
      ],
      {
        cwd: sources,
        env: { ...env, ...cache },
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    rmSync(cache.GOCACHE, { recursive: true });
    this.#placeStandIn();
  }

  /** Names of all tests, in the suite's order. */
  names(): readonly string[] {
    const listed = execFileSync(this.#program, ["-test.list", ".*"], { encoding: "utf8" });
    return listed.split("\n").filter((line) => line.startsWith("Test"));
  }

  /** Undefined when the test passed, else what it said. */
  async run(name: string): Promise<string | undefined> {
    const inside = `ip link set lo up && cd ${sources} && exec timeout -k 2 ${testSecondsMax} "$0" "$@"`;
    const args = ["-bin-dir", join(this.#folder, "bin"), "-test.v", "-test.run", `^${name}$`];
    const namespaces = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const output = await new Promise<string>((resolve) => {
      execFile(
        "unshare",
        [...namespaces, "bash", "-c", inside, this.#program, ...args],
        { maxBuffer: 64 << 20, env: { ...process.env, EXPECT_DEBUG: "1" } },
        (_error, stdout, stderr) => resolve(stdout + stderr),
      );
    });
    return output.includes(`--- PASS: ${name} `) ? undefined : output.slice(-8_000);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A folder with `etcd`, which is Althing, and the real `etcdctl`. What is no member is etcd's own program. */
  #placeStandIn(): void {
    const bin = join(this.#folder, "bin");
    mkdirSync(bin);
    symlinkSync(findProgram("etcdctl") ?? "etcdctl", join(bin, "etcdctl"));
    const [node, ...rest] = commandOf("althing");
    const lines = fileURLToPath(new URL("./ready-lines.ts", import.meta.url));
    const words = [node, "--import", lines, ...rest].map((word) => `'${word}'`).join(" ");
    const script = [
      "#!/bin/sh",
      `[ "$1" = gateway ] && exec ${findProgram("etcd")} "$@"`,
      `exec ${words} "$@"`,
      "",
    ];
    writeFileSync(join(bin, "etcd"), script.join("\n"), { mode: 0o755 });
  }
}
