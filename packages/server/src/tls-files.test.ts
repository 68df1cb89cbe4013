import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect, createServer } from "node:tls";
import { defaultConfig } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { type TlsFiles, tlsFilesOf } from "./config/tls-settings.ts";
import { createAuthority } from "./peers/testing/certificate.ts";
import { loadClientTls, loadPeerTls } from "./tls-files.ts";

const folder = mkdtempSync(join(tmpdir(), "althing-tls-files-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const authority = createAuthority("authority");
const member = authority.issue("member");
const good: TlsFiles = tlsFilesOf({
  certFile: write("member.pem", member.cert),
  keyFile: write("member.key", member.key),
  trustedCaFile: write("ca.pem", authority.cert),
  clientCertAuth: true,
});
const garbage = write("garbage.pem", "not a certificate");
const otherKey = write("other.key", authority.issue("other").key);

test("files that can be used are handed on as they are", () => {
  const peer = loadPeerTls(defaultConfigWith({ peerTls: good }));
  const client = loadClientTls(defaultConfigWith({ clientTls: good }))?.options;
  for (const tls of [peer, client]) {
    assert.equal(String(tls?.cert), member.cert);
    assert.equal(String(tls?.key), member.key);
    assert.equal(String(tls?.ca), authority.cert);
  }
  assert.equal(loadPeerTls(defaultConfig()), undefined);
  assert.equal(loadClientTls(defaultConfig()), undefined);
});

test("members whose certificates nobody vouches for talk TLS 1.3, unless it is forbidden", () => {
  const config = defaultConfig({});
  assert.equal(loadPeerTls(config, member)?.minVersion, "TLSv1.3");
  assert.equal(loadPeerTls({ ...config, tlsMaxVersion: "TLSv1.2" }, member)?.minVersion, "TLSv1.2");
  assert.equal(loadPeerTls(defaultConfigWith({ peerTls: good }), member)?.minVersion, "TLSv1.2");
});

test("where an authority is named, callers are asked for a certificate of it", () => {
  for (const clientCertAuth of [true, false]) {
    const files = { ...good, clientCertAuth };
    const client = loadClientTls(defaultConfigWith({ clientTls: files }))?.options;
    assert.deepEqual([client?.requestCert, client?.rejectUnauthorized], [true, true]);
    assert.equal(loadPeerTls(defaultConfigWith({ peerTls: files }))?.clientCertAuth, true);
  }
  const open = { ...good, trustedCaFile: "", clientCertAuth: false };
  assert.equal(loadClientTls(defaultConfigWith({ clientTls: open }))?.options.requestCert, false);
  const peer = loadPeerTls(defaultConfigWith({ peerTls: open }));
  assert.equal(peer?.clientCertAuth, false);
  // Without one members are verified all the same: by the authorities that everybody knows.
  assert.match(String(peer?.ca), /BEGIN CERTIFICATE/);
});

test("a member may call with another certificate than it is called by; each has to be good for its use", () => {
  const file = (name: string, usages: readonly ("serverAuth" | "clientAuth")[]) => {
    const { cert, key } = authority.issue(name, { usages });
    return [write(`${name}.pem`, cert), write(`${name}.key`, key)] as const;
  };
  const [certFile, keyFile] = file("serving", ["serverAuth"]);
  const [callerCertFile, callerKeyFile] = file("calling", ["clientAuth"]);
  const load = (files: Partial<TlsFiles>) =>
    loadPeerTls(defaultConfigWith({ peerTls: { ...good, ...files } }));
  const both = load({ certFile, keyFile, callerCertFile, callerKeyFile });
  assert.match(String(both?.cert), /BEGIN CERTIFICATE/);
  assert.notEqual(String(both?.caller?.cert), String(both?.cert));
  assertRefused(() => load({ certFile, keyFile }), "peer-cert-file", /the use as a client; a memb/);
  const swapped = { callerCertFile: certFile, callerKeyFile: keyFile };
  assertRefused(() => load(swapped), "peer-client-cert-file", /the use as a client \(/);
  assertRefused(
    () => load({ callerCertFile, callerKeyFile: keyFile }),
    "peer-client-key-file",
    /is not the key of the certificate/,
  );
});

test("a file that cannot be used is refused by the flag that names it", () => {
  const cases: [Partial<TlsFiles>, string, RegExp][] = [
    [{ certFile: garbage }, "cert-file", /garbage\.pem is not a certificate in PEM form/],
    [
      { keyFile: garbage },
      "key-file",
      /garbage\.pem is not the key of the certificate in .*member/,
    ],
    [{ keyFile: otherKey }, "key-file", /other\.key is not the key of the certificate .*mismatch/],
    [{ trustedCaFile: garbage }, "trusted-ca-file", /is not an authority's certificate/],
    [{ certFile: join(folder, "none") }, "cert-file", /cannot be read: ENOENT/],
  ];
  for (const [change, flag, message] of cases) {
    const files = { ...good, ...change };
    assertRefused(() => loadClientTls(defaultConfigWith({ clientTls: files })), flag, message);
    assertRefused(
      () => loadPeerTls(defaultConfigWith({ peerTls: files })),
      `peer-${flag}`,
      message,
    );
  }
  const revoked = { ...good, crlFile: garbage };
  assertRefused(
    () => loadClientTls(defaultConfigWith({ clientTls: revoked })),
    "client-crl-file",
    /is not a list of revoked certificates in PEM or DER form/,
  );
});

test("a revoked client is cut off although it was in before, and no session is resumed past the list", async () => {
  const alice = authority.issue("alice");
  const crlFile = write("clients.crl", "");
  writeFileSync(crlFile, authority.revoke([]));
  const tls = loadClientTls(defaultConfigWith({ clientTls: { ...good, crlFile } }));
  assert.ok(tls?.refuse);
  const seen: (readonly [isResumed: boolean, refused: boolean])[] = [];
  const server = createServer(tls.options, (socket) => {
    seen.push([socket.isSessionReused(), tls.refuse?.(socket) !== undefined]);
    socket.end("heard");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  let session: Buffer | undefined;
  const call = () =>
    new Promise<void>((done) => {
      const known = session === undefined ? {} : { session };
      const socket = connect({ host: "127.0.0.1", port, ...alice, ca: authority.cert, ...known });
      socket.on("session", (given) => {
        session = given;
      });
      socket.on("close", () => done()).resume();
    });
  await call();
  writeFileSync(crlFile, authority.revoke([alice]));
  await call();
  server.close();
  assert.deepEqual(seen, [
    [false, false],
    [false, true],
  ]);
});

function defaultConfigWith(change: { clientTls?: TlsFiles; peerTls?: TlsFiles }) {
  return { ...defaultConfig(), ...change };
}

function assertRefused(run: () => unknown, flag: string, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.flag, flag);
    assert.match(error.message, message);
    return true;
  });
}
