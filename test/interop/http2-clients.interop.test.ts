// HTTP/2 as others speak it: curl, nghttp2's nghttp and h2load, gRPC in JavaScript (grpc-js) and in Go (etcdctl), each
// against one running member, in clear text and under TLS.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type ChannelCredentials,
  Client,
  credentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { methods } from "../client/messages.ts";
import { decode, encode, type Message } from "../client/protobuf.ts";
import { Cluster, eventually } from "../cluster/cluster.ts";
import { claimPorts, releasePorts } from "../cluster/ports.ts";
import { whyMissing } from "../cluster/program.ts";

const programs = ["althing", "curl", "nghttp", "h2load", "etcdctl"];
const options = {
  skip: programs.map(whyMissing).find((why) => why !== undefined) ?? false,
  timeout: 120_000,
};

interface Way {
  readonly name: string;
  readonly url: string;
  /** What each client needs to be told to speak HTTP/2 there. */
  readonly curl: readonly string[];
  readonly nghttp: readonly string[];
  readonly etcdctl: readonly string[];
  credentials(): ChannelCredentials;
}

let cluster: Cluster;
let ports: number[] = [];
const ways: Way[] = [];

before(async () => {
  if (options.skip) return;
  ports = await claimPorts(1);
  cluster = await Cluster.start({ program: "althing", members: 1, isStopped: true });
  const { spec } = cluster.member(0);
  const secureUrl = `https://127.0.0.1:${ports[0]}`;
  const both = `${spec.clientUrl},${secureUrl}`;
  cluster
    .member(0)
    .start(["--auto-tls", `--listen-client-urls=${both}`, `--advertise-client-urls=${both}`]);
  await cluster.waitUntilReady();
  ways.push(
    {
      name: "in clear text",
      url: spec.clientUrl,
      curl: ["--http2-prior-knowledge"],
      nghttp: [],
      etcdctl: [],
      credentials: () => credentials.createInsecure(),
    },
    {
      name: "under TLS",
      url: secureUrl,
      curl: ["--http2", "--insecure"],
      nghttp: ["--no-verify-peer"],
      etcdctl: ["--insecure-transport=false", "--insecure-skip-tls-verify"],
      credentials: () =>
        credentials.createSsl(readFileSync(join(spec.dataDir, "fixtures", "client", "cert.pem"))),
    },
  );
});

after(async () => {
  if (options.skip) return;
  await cluster.stop();
  releasePorts(ports);
});

async function eachWay(run: (way: Way) => Promise<void>): Promise<void> {
  assert.equal(ways.length, 2);
  for (const way of ways) {
    try {
      await run(way);
    } catch (error) {
      throw new Error(`${way.name}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function run(program: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout: 60_000, maxBuffer: 64 << 20 }, (error, out, errors) => {
      if (error === null) resolve(out);
      else reject(new Error(`${program} ${args.join(" ")}: ${out}${errors}`, { cause: error }));
    });
  });
}

const file = (name: string, content: string) => {
  const path = join(cluster.folder, name);
  writeFileSync(path, content);
  return path;
};
const json = (key: string, value: string) =>
  JSON.stringify({
    key: Buffer.from(key).toString("base64"),
    value: Buffer.from(value).toString("base64"),
  });

test("curl: plain routes, the gateway, bodies of a megabyte, unknown paths", options, async () => {
  await eachWay(async ({ url, curl }) => {
    const get = (path: string, ...more: string[]) =>
      run("curl", "-sS", ...curl, "-w", "\n%{http_version} %{http_code}", ...more, url + path);
    assert.match(await get("/health"), /^\{"health":"true"[\s\S]*\n2 200$/);
    assert.match(await get("/version"), /etcdserver[\s\S]*\n2 200$/);
    assert.match(await get("/metrics"), /althing_client_connections [\s\S]*\n2 200$/);
    assert.equal(await get("/nowhere"), "404 page not found\n\n2 404");
    assert.match(await get("/health", "--head"), /^HTTP\/2 200[\s\S]*\n2 200$/);
    const large = file("large.json", json("large", "x".repeat(1_000_000)));
    assert.match(await get("/v3/kv/put", "-d", `@${large}`), /"revision"[\s\S]*\n2 200$/);
    const range = JSON.stringify({ key: Buffer.from("large").toString("base64") });
    const got = await get("/v3/kv/range", "-d", range);
    assert.ok(got.length > 1_300_000 && got.endsWith("\n2 200"));
  });
});

test(
  "nghttp: many requests on one connection, padding, priorities, a body, no fault",
  options,
  async () => {
    await eachWay(async ({ url, nghttp }) => {
      const paths = ["/health", "/version", "/readyz", "/livez", "/metrics"].map(
        (path) => url + path,
      );
      const log = await run("nghttp", "-v", "-n", "--padding=100", ...nghttp, ...paths);
      assert.equal(log.match(/:status: 200/g)?.length, paths.length, log);
      // The one GOAWAY is its own; nothing was reset.
      assert.doesNotMatch(log, /RST_STREAM|recv GOAWAY|\[ERROR\]|error_code=(?!NO_ERROR)/);
      const body = file("put.json", json("nghttp", "v"));
      const put = await run("nghttp", "-H:method: POST", "-d", body, ...nghttp, `${url}/v3/kv/put`);
      assert.match(put, /"revision"/);
      // Small windows: 2^10 - 1 bytes for a stream, and for the connection what there is at least.
      const slow = await run("nghttp", "-w", "10", ...nghttp, `${url}/metrics`);
      assert.match(slow, /althing_client_connections/);
    });
  },
);

test("h2load: thousands of requests on several connections, all answered", options, async () => {
  await eachWay(async ({ url }) => {
    const body = file("load.json", json("h2load", "v"));
    for (const [path, ...more] of [
      ["/health", "-n", "3000", "-c", "10", "-m", "50"],
      ["/v3/kv/put", "-n", "2000", "-c", "5", "-m", "100", "-d", body],
      ["/metrics", "-n", "200", "-c", "4", "-m", "10", "-w", "12"],
    ] as const) {
      const told = await run("h2load", ...more, url + path);
      const [, total, succeeded] =
        /requests: (\d+) total.* (\d+) succeeded, 0 failed, 0 errored/.exec(told) ?? [];
      assert.equal(succeeded, total, told);
      assert.match(told, new RegExp(`status codes: ${total} 2xx`), told);
    }
  });
});

/** grpc-js without generated code: messages as our own tests write them. */
class GrpcJs {
  readonly client: Client;

  constructor({ url, credentials: of }: Way) {
    this.client = new Client(new URL(url).host, of(), { "grpc.max_receive_message_length": -1 });
  }

  call(
    method: { readonly path: string; readonly request: never; readonly response: never },
    request: Message,
    deadlineMs = 20_000,
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        method.path,
        (message: Message) => Buffer.from(encode(method.request, message)),
        (bytes) => decode(method.response, bytes) as Message,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => (error === null ? resolve(response!) : reject(error)),
      );
    });
  }

  watch() {
    const { watch } = methods;
    return this.client.makeBidiStreamRequest(
      watch.path,
      (message: Message) => Buffer.from(encode(watch.request, message)),
      (bytes) => decode(watch.response, bytes) as Message,
    );
  }
}

test(
  "grpc-js: calls at once, a large one, a deadline, a watch that is cancelled",
  options,
  async () => {
    await eachWay(async (way) => {
      const grpc = new GrpcJs(way);
      const call = (method: unknown, request: Message, deadlineMs?: number) =>
        grpc.call(method as never, request, deadlineMs);
      const puts = Array.from({ length: 300 }, (_, i) =>
        call(methods.put, { key: `grpc-js/${i}`, value: "v" }),
      );
      assert.equal((await Promise.all(puts)).length, 300);
      const large = new Uint8Array(1_400_000).fill(120);
      await call(methods.put, { key: "grpc-js/large", value: large });
      const { kvs } = (await call(methods.range, { key: "grpc-js/large" })) as {
        kvs: { value: string }[];
      };
      assert.equal(kvs[0]?.value.length, large.length);
      // Nobody ends this lock.
      await call(methods.lock, { name: `grpc-js/${way.name}` });
      await assert.rejects(
        call(methods.lock, { name: `grpc-js/${way.name}` }, 300),
        (error: ServiceError) => error.code === status.DEADLINE_EXCEEDED,
      );
      const watch = grpc.watch();
      const seen: Message[] = [];
      watch.on("data", (message: Message) => seen.push(message));
      const ended = new Promise<ServiceError>((resolve) => watch.on("error", resolve));
      watch.write({ create_request: { key: "grpc-js/w" } });
      await eventually("it is created", 10_000, () => seen.length === 1);
      await call(methods.put, { key: "grpc-js/w", value: "1" });
      await eventually("it is told", 10_000, () => seen.length === 2);
      watch.cancel();
      assert.equal((await ended).code, status.CANCELLED);
      grpc.client.close();
    });
  },
);

test("etcdctl, over Go's gRPC: writes, reads, a lease that is kept alive", options, async () => {
  await eachWay(async ({ url, etcdctl }) => {
    const ctl = (...args: string[]) => run("etcdctl", "--endpoints", url, ...etcdctl, ...args);
    assert.equal(await ctl("put", "go", "v"), "OK\n");
    assert.equal(await ctl("get", "go"), "go\nv\n");
    const large = "x".repeat(120_000);
    await ctl("put", "go/large", large);
    assert.equal(await ctl("get", "go/large", "--print-value-only"), `${large}\n`);
    assert.ok((await ctl("endpoint", "status")).startsWith(url));
    const lease = /lease (\w+) granted/.exec(await ctl("lease", "grant", "60"))?.[1] ?? "";
    assert.equal(await ctl("put", "go/leased", "v", "--lease", lease), "OK\n");
    assert.match(await ctl("lease", "keep-alive", "--once", lease), /keepalived/);
  });
});
