// `npm run pack -- --out DIR`: the tarballs as they would be published. Nothing is uploaded.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { manifestOf, published, root } from "./plan.ts";
import { stage } from "./stage.ts";

const help = `Usage: npm run pack -- --out DIR

Makes the packages that are published, as tarballs in DIR: ${published.map(({ folder }) => manifestOf(folder).name).join(", ")}.
Install one with \`npm install DIR/NAME-VERSION.tgz\`.
`;

const { values } = parseArgs({
  options: { out: { type: "string" }, help: { type: "boolean", short: "h", default: false } },
});
if (values.help || values.out === undefined) {
  (values.help ? process.stdout : process.stderr).write(help);
  process.exit(values.help ? 0 : 3);
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
run("npx", ["tsc", "--build"], root);
const staging = mkdtempSync(join(tmpdir(), "althing-pack-"));
try {
  for (const one of published) {
    const folder = join(staging, one.folder);
    stage(one, folder);
    const told = run("npm", ["pack", "--json", "--pack-destination", out], folder);
    const [{ filename, entryCount, unpackedSize }] = JSON.parse(told);
    const file = join(out, filename);
    const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
    process.stdout.write(
      `${file}: ${entryCount} files, ${kib(statSync(file).size)} packed, ${kib(unpackedSize)} unpacked\n`,
    );
  }
} finally {
  rmSync(staging, { recursive: true, force: true });
}

function run(command: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(command, [...args], { cwd, encoding: "utf8" });
  if (done.status === 0) return done.stdout;
  process.stderr.write(`${command} ${args.join(" ")} failed:\n${done.stdout}${done.stderr}`);
  process.exit(1);
}
