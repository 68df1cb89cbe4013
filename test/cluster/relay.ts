// Carries bytes between Unix sockets, which a test can reach from anywhere, and addresses inside a network
// namespace, where this process runs. Arguments: <socket path>=<host>:<port> ... Started by `network.ts`.

import { connect, createServer } from "node:net";

let listening = 0;
const routes = process.argv.slice(2);
for (const route of routes) {
  const [path = "", address = ""] = route.split("=");
  const [host = "", port] = address.split(":");
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    near.pipe(far);
    far.pipe(near);
    // Whichever side breaks, the other must notice.
    far.on("error", () => near.destroy());
    near.on("error", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
  });
  server.listen(path, () => {
    listening += 1;
    if (listening === routes.length) process.stdout.write("ready\n");
  });
}
