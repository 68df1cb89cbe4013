// Lays out one package as it is going to be published, in a folder of its own.

import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { compileDeclarations, compileSource, type Places } from "./compile.ts";
import { dependenciesOf, manifestOf, type Published, roomsOf, root } from "./plan.ts";

export function stage(one: Published, into: string): void {
  rmSync(into, { recursive: true, force: true });
  const rooms = roomsOf(one.folder);
  const places: Places = new Map(
    rooms.map((room) => [room, room === one.folder ? "src" : join("src/internal", room)]),
  );
  for (const room of rooms) stageRoom(room, places, into);
  const manifest = manifestOf(one.folder);
  const dependencies = dependenciesOf(rooms);
  const optional = one.optional.map((name) => [name, dependencies[name]] as const);
  for (const name of one.optional) delete dependencies[name];
  write(
    join(into, "package.json"),
    `${JSON.stringify(
      {
        name: manifest.name,
        version: manifest.version,
        description: one.description,
        keywords: one.keywords,
        license: manifest.license,
        type: "module",
        engines: manifest.engines,
        ...(Object.keys(one.bin).length > 0 && { bin: one.bin }),
        exports: {
          ...Object.fromEntries(
            Object.entries(manifest.exports).map(([entry, source]) => {
              const built = source.replace(/\.ts$/, "");
              return [entry, { types: `${built}.d.ts`, default: `${built}.js` }];
            }),
          ),
          "./package.json": "./package.json",
        },
        sideEffects: false,
        dependencies,
        ...(optional.length > 0 && { optionalDependencies: Object.fromEntries(optional) }),
      },
      undefined,
      2,
    )}\n`,
  );
  for (const file of ["LICENSE", "CHANGELOG.md"]) cpSync(join(root, file), join(into, file));
  cpSync(join(root, "packages", one.folder, "PUBLISHED.md"), join(into, "README.md"));
  for (const target of Object.values(one.bin)) {
    const source = readFileSync(join(root, "packages", one.folder, target), "utf8");
    write(join(into, target), source.replaceAll(/(import\("[^"]+)\.ts"/g, '$1.js"'), 0o755);
  }
}

function stageRoom(room: string, places: Places, into: string): void {
  const folder = places.get(room)!;
  const sources = globSync("**/*.ts", { cwd: join(root, "packages", room, "src") }).filter(
    (path) => !/\.(test|bench)\.ts$/.test(path) && !path.includes("testing/"),
  );
  for (const path of sources.sort()) {
    const text = readFileSync(join(root, "packages", room, "src", path), "utf8");
    const place = join(folder, path.replace(/\.ts$/, ".js"));
    write(join(into, place), compileSource(place, text, places));
    const declarations = declarationsOf(room, path);
    const described = place.replace(/\.js$/, ".d.ts");
    write(join(into, described), compileDeclarations(described, declarations, places));
  }
}

/** As `tsc --build` has written them. */
function declarationsOf(room: string, path: string): string {
  const name = path.replace(/\.ts$/, ".d.ts");
  const file = [`.types/${room}`, `.types/${room}-cli`]
    .map((folder) => join(root, folder, name))
    .find((candidate) => existsSync(candidate));
  if (file === undefined)
    throw new Error(`no declarations of ${room}/src/${path}: run tsc --build`);
  return readFileSync(file, "utf8");
}

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}
