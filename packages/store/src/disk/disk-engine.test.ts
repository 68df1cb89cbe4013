import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineSuite } from "../engine/testing/engine-suite.ts";
import { openDiskEngine } from "./disk-engine.ts";

engineSuite("disk engine", () => {
  const directory = mkdtempSync(join(tmpdir(), "althing-store-"));
  return {
    open: () => openDiskEngine({ directory }),
    survives: true,
    cleanUp: () => rmSync(directory, { recursive: true, force: true }),
  };
});
