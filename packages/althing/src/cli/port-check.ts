// Whether somebody listens on a port already, found out before anything is started.

import { createServer } from "node:net";

/** True when the port of the IPv4 loopback cannot be bound. */
export function isPortTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(true));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(false));
    });
  });
}
