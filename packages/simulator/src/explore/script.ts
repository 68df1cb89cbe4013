// A way through the states as people read it: each move, and what the members made of it.

import { describeMove, type Move } from "./moves.ts";
import type { World } from "./world.ts";

/** A move, and the state in which it was made. */
export interface Stage {
  readonly row: Int32Array;
  readonly move: Move;
}

export function tellWay(world: World, protocol: string, way: readonly Stage[]): string {
  const name = (place: number) => world.members[place]!;
  const lane = (number: number) => world.layout.describeLane(number, name);
  const blocks = [`# ${protocol}, ${way.length} moves\nnew ${world.members.join(" ")}\n----\nok`];
  for (const { row, move } of way) {
    const line = describeMove(move, name, lane);
    if (line.startsWith("#")) {
      blocks.push(line);
      continue;
    }
    const lines = [line, "----"];
    for (const { at, key } of world.partsOf(row, move)) {
      const told = world.locals.told(world.localAt(row, at), key);
      lines.push(...told.map((each) => `${name(at)} ${each}`));
    }
    blocks.push([...lines, ...(lines.length === 2 ? ["ok"] : [])].join("\n"));
  }
  return `${blocks.join("\n\n")}\n`;
}
