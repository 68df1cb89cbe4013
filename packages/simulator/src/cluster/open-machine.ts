// What runs on a machine above its disk, network and clock: a member over some state machine, and for the store
// what its clients use beside it.

import type { Member, MemberOptions } from "@althing/member";
import type { MemberWatch } from "../observe/watch-member.ts";
import type { SimulationOptions } from "../options/options.ts";
import type { Prng } from "../random/prng.ts";
import type { World } from "../world/world.ts";
import type { DiskTrace } from "./engine.ts";
import type { Machine, StoreClients } from "./machine.ts";

export type MemberSettings = Omit<
  MemberOptions,
  "stateMachine" | "isShort" | "steward" | "keptRoster"
>;

export interface MachineParts {
  readonly world: World;
  readonly machine: Machine;
  readonly options: SimulationOptions;
  readonly chance: Prng;
  readonly watch: MemberWatch;
  readonly trace: DiskTrace;
  readonly memberOptions: MemberSettings;
  readonly crc32?: (bytes: Uint8Array, seed?: number) => number;
}

export type OpenMachine = (parts: MachineParts) => {
  readonly member: Member;
  readonly clients?: StoreClients;
};
