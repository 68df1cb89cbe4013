// Clients that others wrote: etcdctl over grpc-go, and curl over HTTP/2 with TLS.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { serveDoor } from "../doors/etcd/testing/served-door.ts";
import { startEcho } from "./testing/echo-service.ts";

const missing = (...programs: readonly string[]) => {
  const absent = programs.filter((one) => spawnSync(one, ["version"]).error !== undefined);
  return absent.length === 0 ? false : `${absent.join(" and ")} is not installed`;
};

function run(program: string, ...args: string[]): Promise<{ code: number; out: string }> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 10_000 }, (error, out, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out + errors });
    });
  });
}

test("etcdctl with whole URLs as endpoints, as `--cluster` makes them too", {
  skip: missing("etcdctl"),
}, async (t) => {
  const door = await serveDoor();
  t.after(() => door.close());
  const address = `127.0.0.1:${door.port}`;
  for (const endpoint of [address, `http://${address}`]) {
    const put = await run("etcdctl", "--endpoints", endpoint, "put", "key", "value");
    assert.deepEqual(put, { code: 0, out: "OK\n" });
    const status = await run("etcdctl", "--endpoints", endpoint, "endpoint", "status");
    assert.deepEqual([status.code, status.out.startsWith(endpoint)], [0, true], status.out);
  }
  const large = "x".repeat(100_000);
  await run("etcdctl", "--endpoints", address, "put", "large", large);
  const got = await run("etcdctl", "--endpoints", address, "get", "large", "--print-value-only");
  assert.equal(got.out, `${large}\n`);
});

test("curl over HTTP/2 and TLS: answers, bodies, unknown paths", {
  skip: missing("curl", "openssl"),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "althing-curl-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=localhost", "-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject], { stdio: "pipe" });
  const large = "y".repeat(3_000_000);
  const server = await startEcho({
    tls: { key: readFileSync(key), cert: readFileSync(cert) },
    routes: [
      {
        path: "/length",
        handle: (request, reply) => reply.respond(200, {}, String(request.body.length)),
      },
      { path: "/large", handle: (_request, reply) => reply.respond(200, {}, large) },
    ],
  });
  t.after(() => server.close(0));
  const curl = (path: string, ...args: string[]) => {
    const url = `https://127.0.0.1:${server.address.port}${path}`;
    const format = "\n%{http_version} %{http_code} %{size_download}";
    return run("curl", "--silent", "--insecure", "--http2", "--write-out", format, ...args, url);
  };
  const body = join(folder, "body");
  execFileSync("dd", ["if=/dev/zero", `of=${body}`, "bs=1000000", "count=5"], { stdio: "pipe" });
  assert.equal((await curl("/length", "--data-binary", `@${body}`)).out, "5000000\n2 200 7");
  const nowhere = await curl("/nowhere", "--output", "/dev/null");
  assert.equal(nowhere.out, "\n2 404 19");
  const got = await curl("/large", "--output", "/dev/null");
  assert.equal(got.out, "\n2 200 3000000");
  assert.equal((await curl("/large", "--head", "--output", "/dev/null")).out, "\n2 200 0");
});
