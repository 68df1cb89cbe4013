// The echo service as a process of its own: prints its port, then its resident memory on every SIGUSR2.

import { startEcho } from "./echo-service.ts";

const server = await startEcho();
process.on("SIGUSR2", () => process.stdout.write(`${process.memoryUsage.rss()}\n`));
process.stdout.write(`${server.address.port}\n`);
