import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { etcdCodecs } from "@althing/wire";
import { GrpcClient } from "./testing/grpc-client.ts";

// HTTP/2's preface and an empty SETTINGS frame: a client that is connected and asks for nothing.
const hello = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from("000000040000000000", "hex"),
]);
const connections = 5000;
const bytesPerConnectionMax = 64 * 1024;

test("five thousand idle connections cost bounded memory, and requests are served beside them", async (t) => {
  const program = fileURLToPath(new URL("testing/echo-process.ts", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const number = async () => Number((await lines.next()).value);
  const port = await number();
  const memory = () => {
    child.kill("SIGUSR2");
    return number();
  };
  const client = new GrpcClient(port);
  t.after(() => client.close());
  const put = etcdCodecs.PutRequest.encode({ key: Buffer.from("k") });
  const echo = async () => assert.equal((await client.call("/test.Echo/Echo", put)).status, 0);
  await echo();
  const before = await memory();

  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let opened = 0; opened < connections; opened += 250) {
    const batch = Array.from({ length: 250 }, () => {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {});
      socket.write(hello);
      // The server's SETTINGS: it has accepted the session.
      return new Promise((resolve, reject) => {
        socket.once("data", resolve);
        socket.once("close", reject);
      });
    });
    await Promise.all(batch);
  }
  await echo();
  const perConnection = ((await memory()) - before) / connections;
  t.diagnostic(`${Math.round(perConnection / 1024)} KiB per idle connection`);
  assert.ok(perConnection < bytesPerConnectionMax, `${perConnection} bytes`);
});
