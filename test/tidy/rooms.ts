// Which package may import which, and what of Node: docs/architecture.md in a form that can be checked.

/** By folder under packages/; a package may always import itself. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  consensus: [],
  log: [],
  store: [],
  wire: [],
  member: ["consensus", "log", "store"],
  simulator: ["member", "consensus", "log", "store"],
  server: ["member", "consensus", "log", "store", "wire"],
  althing: ["server", "simulator", "member", "consensus", "log", "store", "wire"],
};

/** Packages that know no Node, no clock and no chance, but for the folders named. */
export const pure: Readonly<Record<string, readonly string[]>> = {
  consensus: [],
  log: [],
  store: ["packages/store/src/disk/"],
  wire: [],
  member: [],
  simulator: ["packages/simulator/src/cli/"],
};

/** What no pure file may touch: time, chance and the network reach it through ports. The linter has more such names. */
export const ambient =
  /\b(?:Math\.random|Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|globalThis\.|fetch\(|new Promise\b|async function|await )/g;
