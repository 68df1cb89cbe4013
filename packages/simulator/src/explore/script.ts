// A way through the states as people read it: each move, and what the members made of it.

import { describeMove, type Move } from "./moves.ts";
import type { World } from "./world.ts";

export function tellWay(
  world: World,
  protocol: string,
  way: readonly { readonly row: readonly number[]; readonly move: Move }[],
): string {
  const name = (place: number) => world.members[place]!;
  const blocks = [`# ${protocol}, ${way.length} moves\nnew ${world.members.join(" ")}\n----\nok`];
  for (const { row, move } of way) {
    const lines = [describeMove(move, name), "----"];
    for (const { at, step } of world.stepsOf(row, move)) {
      const told = world.locals.told(world.localAt(row, at), step);
      lines.push(...told.map((line) => `${name(at)} ${line}`));
    }
    blocks.push([...lines, ...(lines.length === 2 ? ["ok"] : [])].join("\n"));
  }
  return `${blocks.join("\n\n")}\n`;
}
