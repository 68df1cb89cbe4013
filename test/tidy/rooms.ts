// Which package may import which, and what of Node: docs/architecture.md in a form that can be checked.

/** By folder under packages/; a package may always import itself. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  consensus: ["bytes"],
  log: ["bytes"],
  store: ["bytes"],
  wire: [],
  member: ["consensus", "log", "bytes"],
  service: ["member", "store", "consensus", "bytes"],
  simulator: ["service", "member", "consensus", "log", "store", "bytes"],
  server: ["service", "member", "consensus", "log", "store", "wire"],
  althing: ["server", "simulator", "service", "member", "consensus", "log", "store", "wire"],
};

/** Beside these, tests: a member drives any state machine, and there is none with more to get wrong. */
export const testsMayImport: Readonly<Record<string, readonly string[]>> = { member: ["store"] };

/** Packages that know no Node, no clock and no chance, but for the folders named. */
export const pure: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  consensus: [],
  log: [],
  store: ["packages/store/src/disk/"],
  wire: [],
  member: [],
  service: [],
  simulator: ["packages/simulator/src/cli/"],
};

/** What no pure file may touch: time, chance and the network reach it through ports. The linter has more such names. */
export const ambient =
  /\b(?:Math\.random|Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|globalThis\.|fetch\(|new Promise\b|async function|await )/g;
