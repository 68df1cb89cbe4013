// Many seeds of every protocol, under all faults: no promise broken, no run undecided.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { drawScenario, protocolNamed, protocolNames, runScenario } from "./index.ts";

const seeds = Number(process.env["SEEDS"] ?? 300);

for (const name of protocolNames) {
  const protocol = protocolNamed(name);
  test(`${seeds} seeds of ${name}`, { skip: protocol === undefined && "not in this build" }, () => {
    assert.ok(protocol);
    for (let seed = 1n; seed <= BigInt(seeds); seed++) {
      const result = runScenario(drawScenario({ protocol: name, seed }), {
        protocol,
        crc32: (bytes, start) => crc32(bytes, start ?? 0),
      });
      assert.equal(result.result, "pass", `seed ${seed}: ${result.violation?.detail}`);
    }
  });
}
