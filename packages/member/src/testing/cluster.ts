// Members in the small world, with the verbs that tests speak: start, kill, wipe, cut, put, read.

import {
  type MemberId,
  type Membership,
  membershipOf,
  type Protocol,
  paxos,
  raft,
  zab,
} from "@althing/consensus";
import {
  createMemoryEngine,
  encodeCommand,
  type OpenedStore,
  openStore,
  type PutCommand,
  plainRange,
  type Result,
} from "@althing/store";
import type { Member, MemberError, MemberOptions, ProposeOutcome } from "../contract.ts";
import { createMember } from "../member.ts";
import type { MemberEvent, PeerMessage } from "../ports.ts";
import { ProcessClock, World, WorldDisk } from "./world.ts";

/** The key-value store is the state machine of these tests: there is none with more to get wrong. */
export type TestMember = Member<Result, OpenedStore>;
export type TestOptions = MemberOptions<Result, OpenedStore>;
export type TestOutcome = ProposeOutcome<Result>;

export interface Node {
  readonly id: MemberId;
  readonly logDisk: WorldDisk;
  readonly storeDisk: WorldDisk;
  incarnation: string;
  clock: ProcessClock;
  member: TestMember | undefined;
  store: OpenedStore | undefined;
  readonly events: MemberEvent[];
  readonly refusals: string[];
}

export interface ClusterOptions {
  readonly ids?: readonly MemberId[];
  readonly seed?: number;
  readonly latencyMs?: number;
  /** The one that all tests are run with, unless told. */
  readonly protocol?: "raft" | "paxos" | "zab";
  readonly member?: Partial<TestOptions>;
}

/** The tests of the member run on any: `ALTHING_PROTOCOL=zab node --test packages/member/src`. */
const protocols = { raft, paxos, zab } as Record<string, unknown>;
const ofThisRun = process.env["ALTHING_PROTOCOL"] ?? "raft";

export class Cluster {
  readonly world: World;
  readonly nodes = new Map<MemberId, Node>();
  readonly bootstrap: Membership;
  readonly #options: ClusterOptions;
  readonly #cut = new Set<string>();
  /** Drops a message, or lets it pass. */
  filter: (from: MemberId, to: MemberId, message: PeerMessage) => boolean = () => true;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.world = new World(options.seed);
    const ids = options.ids ?? ["a", "b", "c"];
    this.bootstrap = membershipOf(ids);
    for (const id of ids) this.addNode(id);
  }

  addNode(id: MemberId): Node {
    const clock = new ProcessClock(this.world);
    const node: Node = {
      id,
      logDisk: new WorldDisk(this.world, clock),
      storeDisk: new WorldDisk(this.world, clock),
      incarnation: `${id}-1`,
      clock,
      member: undefined,
      store: undefined,
      events: [],
      refusals: [],
    };
    this.nodes.set(id, node);
    return node;
  }

  start(id: MemberId, overrides: Partial<TestOptions> = {}): TestMember {
    const node = this.node(id);
    node.clock = new ProcessClock(this.world);
    node.logDisk.clock = node.clock;
    node.storeDisk.clock = node.clock;
    const { clock } = node;
    const store = openStore({ engine: createMemoryEngine({ storage: node.storeDisk.memory }) });
    const member = this.make({
      id,
      protocol: protocols[this.#options.protocol ?? ofThisRun] as Protocol,
      stateMachine: store,
      bootstrap: this.bootstrap,
      incarnation: node.incarnation,
      attributes: { name: id, peerUrls: [`tcp://${id}`], clientUrls: [`http://${id}`] },
      tickMs: 10,
      heartbeatTicks: 1,
      electionTicks: 10,
      snapshotCount: 10_000,
      requestTimeoutMs: 2000,
      segmentBytes: 256 * 1024,
      ports: {
        clock,
        disk: node.logDisk.memory,
        random: this.world.random,
        observe: (event) => node.events.push(event),
        peers: {
          send: (to, message) => this.#send(node, clock, to, message),
          bulkBacklog: () => 0,
        },
      },
      ...this.#options.member,
      ...overrides,
    });
    node.member = member;
    node.store = store;
    member.start();
    for (const other of this.nodes.values()) this.#maybeConnect(node, other);
    return member;
  }

  /** What drives the store on one machine. */
  protected make(options: TestOptions): TestMember {
    return createMember(options);
  }

  startAll(): void {
    for (const id of this.nodes.keys()) this.start(id);
  }

  /** kill -9: memory is gone, what was not synced is lost, sockets close. */
  kill(id: MemberId): void {
    const node = this.node(id);
    node.clock.isAlive = false;
    node.member = undefined;
    node.store = undefined;
    node.logDisk.memory.crash();
    node.storeDisk.memory.crash();
    // The hang-up comes behind what was already on the way.
    this.world.at(this.#options.latencyMs ?? 1, () => {
      if (node.member !== undefined) return;
      for (const other of this.nodes.values()) {
        if (other !== node) other.clock.inLoop(() => other.member?.disconnected(id));
      }
    });
  }

  /** The data directory is emptied: the member comes back with another incarnation. */
  wipe(id: MemberId): void {
    const old = this.node(id);
    this.addNode(id).incarnation = `${old.incarnation}-wiped`;
  }

  cut(one: MemberId, other: MemberId): void {
    this.#cut.add(`${one} ${other}`);
    this.#cut.add(`${other} ${one}`);
  }

  isolate(id: MemberId): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cut(id, other);
  }

  heal(): void {
    this.#cut.clear();
  }

  node(id: MemberId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  member(id: MemberId): TestMember {
    const { member } = this.node(id);
    if (member === undefined) throw new Error(`${id} is not running`);
    return member;
  }

  get leader(): TestMember | undefined {
    let leader: TestMember | undefined;
    for (const { member } of this.nodes.values()) {
      if (member === undefined) continue;
      const { role, epoch } = member.status();
      if (role === "leader" && epoch > (leader?.status().epoch ?? 0)) leader = member;
    }
    return leader;
  }

  /** Runs until one of the running members leads and the others know it. */
  awaitLeader(ms = 5000): TestMember {
    const agreed = () => {
      const leader = this.leader;
      const running = [...this.nodes.values()].filter(({ member }) => member !== undefined);
      const follow = running.filter(({ member }) => member!.status().leader === leader?.id);
      return leader !== undefined && follow.length * 2 > this.nodes.size;
    };
    if (!this.world.run(ms, agreed)) throw new Error("no leader was elected");
    return this.leader!;
  }

  follower(): TestMember {
    const leader = this.awaitLeader();
    for (const { member } of this.nodes.values()) {
      if (member !== undefined && member.status().leader === leader.id && member !== leader) {
        return member;
      }
    }
    throw new Error("no follower");
  }

  /** Everybody runs, is published and has applied it: nothing happens by itself from here on. */
  calm(): TestMember {
    const leader = this.awaitLeader();
    const published = () => leader.roster().length === this.nodes.size;
    if (!this.world.run(3000, published)) throw new Error("not everybody was published");
    this.settle();
    return leader;
  }

  /** Proposes and runs until it is answered. */
  put(on: TestMember, key: string, value: string, ms = 5000): TestOutcome {
    let outcome: TestOutcome | undefined;
    on.propose(putCommand(key, value), (answer) => {
      outcome = answer;
    });
    if (!this.world.run(ms, () => outcome !== undefined)) throw new Error("not answered");
    return outcome!;
  }

  /** Many at once; runs until all are answered. */
  putMany(on: TestMember, count: number, key = "many", valueBytes = 10): TestOutcome[] {
    const outcomes: TestOutcome[] = [];
    for (let i = 0; i < count; i++) {
      on.propose(putCommand(`${key}${i % 100}`, "x".repeat(valueBytes)), (answer) => {
        outcomes.push(answer);
      });
    }
    if (!this.world.run(60_000, () => outcomes.length === count)) throw new Error("not answered");
    return outcomes;
  }

  read(on: TestMember, key: string, ms = 5000): string | undefined | MemberError {
    let answer: { value: string | undefined | MemberError } | undefined;
    on.read((error) => {
      answer = { value: error ?? valueAt(on, key) };
    });
    if (!this.world.run(ms, () => answer !== undefined)) throw new Error("not answered");
    return answer!.value;
  }

  /** Runs until every running member has applied the same. */
  settle(ms = 10_000): void {
    const same = () => {
      const running = [...this.nodes.values()].flatMap(({ member }) => member ?? []);
      const target = Math.max(...running.map((member) => member.status().lastIndex));
      return running.every((member) => member.stateMachine.appliedIndex === target);
    };
    if (!this.world.run(ms, same)) throw new Error("the members did not settle");
  }

  connect(one: MemberId, other: MemberId): void {
    this.#maybeConnect(this.node(one), this.node(other));
  }

  #maybeConnect(one: Node, other: Node): void {
    if (one === other || one.member === undefined || other.member === undefined) return;
    const refusal =
      other.member.admit(one.id, one.incarnation) ?? one.member.admit(other.id, other.incarnation);
    if (refusal !== undefined) {
      one.refusals.push(refusal);
      return;
    }
    one.member.connected(other.id);
    other.member.connected(one.id);
  }

  #send(node: Node, clock: ProcessClock, to: MemberId, message: PeerMessage): void {
    if (!clock.isAlive) return;
    const target = this.nodes.get(to);
    const cut = this.#cut.has(`${node.id} ${to}`);
    const lost = target?.member === undefined || cut || !this.filter(node.id, to, message);
    const refused = target?.member?.admit(node.id, node.incarnation);
    if (lost || refused !== undefined) {
      this.world.at(1, () => clock.inLoop(() => node.member?.unreachable(to)));
      return;
    }
    const receiver = target.clock;
    this.world.at(this.#options.latencyMs ?? 1, () => {
      receiver.inLoop(() => target.member?.receive(node.id, message));
    });
  }
}

export function putCommand(key: string, value: string): Uint8Array {
  const command: PutCommand = {
    kind: "put",
    key,
    value: Uint8Array.from(value, (char) => char.charCodeAt(0)),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  };
  return encodeCommand(command);
}

export function valueAt(member: TestMember, key: string): string | undefined {
  const result = member.stateMachine.range(plainRange(key));
  if (result.kind === "error") throw new Error(result.code);
  const found = result.kvs[0];
  return found === undefined ? undefined : String.fromCharCode(...found.value);
}
