// Interaction scripts as text: a command, `----`, and the exact trace of what it made happen. The
// verbs are the same for every protocol. `UPDATE=1` rewrites what is expected; read the difference.
//
//   new a b c [learners d] [extra e] [election 10] [heartbeat 2] [reads lease] [priority a=2]
//     [batch 100] [window 8] [quorums 2,2]
//   campaign a | tick a|all [n] | time n | propose a x y | read a | transfer a b | step-down a
//   change a add-voter d, remove b | deliver [a->b] [n] | drop [a->b] | double [a->b]
//   persist a|all | stabilize | cut a b | cut a->b | isolate a | heal | hang-up a b
//   unreachable a b | snapshot [fail] | install a | compact a [index] | crash a | restart a
//   status [a] | log a | messages; `quietly` before a command leaves its trace out

import { readFileSync, writeFileSync } from "node:fs";
import type { CoreOptions, Input, MemberId, MembershipChange, Protocol } from "../contract.ts";
import { describeMembership, membershipOf } from "../membership/membership.ts";
import { bytesOf, Cluster, type Letter } from "./cluster.ts";

/** Returns the script as it should be; the caller compares, or `UPDATE=1` writes it. */
function runScript<M, S>(protocol: Protocol<M, S>, text: string): string {
  const session = new Session(protocol);
  return text
    .trim()
    .split(/\n\n+/)
    .map((block) => {
      const lines = block.split("\n");
      const end = lines.indexOf("----");
      const commands = end < 0 ? lines : lines.slice(0, end);
      if (commands.every((line) => line.startsWith("#"))) return block;
      const output: string[] = [];
      for (const command of commands) {
        if (!command.startsWith("#")) output.push(...session.run(command));
      }
      return [...commands, "----", ...(output.length === 0 ? ["ok"] : output)].join("\n");
    })
    .join("\n\n")
    .concat("\n");
}

export function checkScript<M, S>(
  protocol: Protocol<M, S>,
  file: URL,
  compare: (actual: string, expected: string) => void,
): void {
  const expected = readFileSync(file, "utf8");
  const actual = runScript(protocol, expected);
  if (process.env["UPDATE"] === "1") writeFileSync(file, actual);
  else compare(actual, expected);
}

class Session<M, S> {
  readonly #protocol: Protocol<M, S>;
  #cluster: Cluster<M, S> | undefined;
  #output: string[] = [];
  #nextToken = 1;

  constructor(protocol: Protocol<M, S>) {
    this.#protocol = protocol;
  }

  run(command: string): string[] {
    this.#output = [];
    const isQuiet = command.startsWith("quietly ");
    const spoken = isQuiet ? command.slice("quietly ".length) : command;
    const [verb = "", ...words] = spoken.trim().split(/\s+/);
    if (verb === "new") this.#create(words);
    else this.#perform(verb, words, spoken);
    return isQuiet ? [] : this.#output;
  }

  get #at(): Cluster<M, S> {
    if (this.#cluster === undefined) throw new Error("a script begins with new");
    return this.#cluster;
  }

  #create(words: string[]): void {
    const voters: MemberId[] = [];
    const learners: MemberId[] = [];
    const extra: MemberId[] = [];
    const priorities: Record<MemberId, number> = {};
    let core: Partial<Omit<CoreOptions, "id">> = { random: () => 0 };
    let list = voters;
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (word === "learners") list = learners;
      else if (word === "extra") list = extra;
      else if (word === "election") core = { ...core, electionTicks: Number(words[++i]) };
      else if (word === "heartbeat") core = { ...core, heartbeatTicks: Number(words[++i]) };
      else if (word === "reads") core = { ...core, reads: words[++i] as "quorum" | "lease" };
      else if (word === "priority") {
        const [id = "", value] = words[++i]!.split("=");
        priorities[id] = Number(value);
      } else if (word === "batch") {
        core = { ...core, limits: { messageBytesMax: Number(words[++i]) } };
      } else if (word === "window") {
        const messagesInFlightMax = Number(words[++i]);
        core = { ...core, limits: { ...core.limits, messagesInFlightMax } };
      } else if (word === "quorums") {
        const [prepare, accept] = words[++i]!.split(",").map(Number);
        core = { ...core, paxosQuorums: { prepare: prepare!, accept: accept! } };
      } else list.push(word);
    }
    this.#cluster = new Cluster(this.#protocol, {
      membership: membershipOf(voters, learners),
      members: [...voters, ...learners, ...extra],
      core,
      priorities,
      onTrace: (line) => this.#output.push(line),
    });
  }

  #perform(verb: string, words: string[], command: string): void {
    const cluster = this.#at;
    const [first = "", second = ""] = words;
    const input = (body: Input<M>) => void cluster.step(first, body);
    switch (verb) {
      case "campaign":
        input({ kind: "campaign" });
        return;
      case "step-down":
        input({ kind: "stepDown" });
        return;
      case "read":
        input({ kind: "read", token: this.#nextToken++ });
        return;
      case "transfer":
        input({ kind: "transferLeadership", to: second, token: this.#nextToken++ });
        return;
      case "hang-up":
        input({ kind: "disconnected", peer: second });
        return;
      case "unreachable":
        input({ kind: "unreachable", peer: second });
        return;
      case "propose": {
        const payloads = words.slice(1).map(bytesOf);
        const proposals = payloads.map((payload) => ({ token: this.#nextToken++, payload }));
        input({ kind: "propose", proposals });
        return;
      }
      case "change": {
        const changes = parseChanges(command);
        const context = new Uint8Array(0);
        const token = this.#nextToken++;
        input({ kind: "changeMembership", changes, context, token });
        return;
      }
      case "tick":
        for (const id of this.#members(first)) cluster.tick(id, Number(second || 1));
        return;
      case "time":
        cluster.elapse(Number(first));
        return;
      case "deliver":
        this.#letters(words, (letter) => cluster.deliver(letter));
        return;
      case "drop":
        this.#letters(words, () => {});
        return;
      case "double":
        this.#letters(words, (letter) => void cluster.letters.push(letter, letter));
        return;
      case "persist":
        for (const id of this.#members(first)) while (cluster.persist(id));
        return;
      case "stabilize":
        cluster.stabilize();
        return;
      case "cut":
        this.#cut(words);
        return;
      case "isolate":
        cluster.isolate(first);
        return;
      case "heal":
        cluster.heal();
        return;
      case "snapshot":
        cluster.sendSnapshot(first !== "fail");
        return;
      case "install":
        cluster.install(first);
        return;
      case "compact":
        if (second === "") cluster.compact(first);
        else cluster.compact(first, Number(second));
        return;
      case "crash":
        cluster.crash(first);
        return;
      case "restart":
        cluster.restart(first);
        return;
      case "status":
        this.#status(first === "" ? [...cluster.machines.keys()] : words);
        return;
      case "log":
        this.#log(first);
        return;
      case "messages":
        for (const { from, to, bytes } of cluster.letters) {
          const message = this.#protocol.decodeMessage(bytes);
          this.#output.push(`${from} => ${to} ${this.#protocol.describeMessage(message)}`);
        }
        return;
      default:
        throw new Error(`no such verb: ${command}`);
    }
  }

  #members(name: string): MemberId[] {
    return name === "all" ? [...this.#at.machines.keys()] : [name];
  }

  /** Takes matching letters off the network, at most `n`, and hands each to `use`. */
  #letters(words: string[], use: (letter: Letter) => void): void {
    const pair = words.find((word) => word.includes("->"));
    const [from, to] = pair?.split("->") ?? [];
    let left = Number(words.find((word) => /^\d+$/.test(word)) ?? Number.POSITIVE_INFINITY);
    const taken: Letter[] = [];
    this.#at.letters = this.#at.letters.filter((letter) => {
      const fits =
        pair === undefined ||
        ((from === "" || letter.from === from) && (to === "" || letter.to === to));
      if (!fits || left <= 0) return true;
      left--;
      taken.push(letter);
      return false;
    });
    for (const letter of taken) use(letter);
  }

  #cut([first = "", second = ""]: string[]): void {
    const [from, to] = first.split("->");
    if (from !== undefined && to !== undefined) {
      this.#at.cut(from, to);
    } else {
      this.#at.cut(first, second);
      this.#at.cut(second, first);
    }
  }

  #status(members: MemberId[]): void {
    for (const id of members) {
      const { core, isUp } = this.#at.at(id);
      if (!isUp) {
        this.#output.push(`${id} is down`);
        continue;
      }
      const s = core.status();
      const range = `log ${s.firstIndex}..${s.lastIndex} commit ${s.commitIndex}`;
      const leader = s.leaderless === "" ? `led by ${s.leader}` : s.leaderless;
      this.#output.push(
        `${id} ${s.role} in ${s.epoch}, ${leader}; ${range} applied ${s.appliedIndex}`,
      );
      this.#output.push(`  membership ${describeMembership(s.membership)}`);
      for (const p of s.peers) {
        this.#output.push(`  ${p.id} ${p.state} match ${p.match} next ${p.next}`);
      }
    }
  }

  #log(id: MemberId): void {
    const { core } = this.#at.at(id);
    const { firstIndex, lastIndex } = core.status();
    for (let index = firstIndex; index <= lastIndex; index++) {
      const entry = core.entryAt(index);
      if (entry === undefined) continue;
      const text = entry.kind === "command" ? ` ${new TextDecoder().decode(entry.payload)}` : "";
      this.#output.push(`${index}@${entry.epoch} ${entry.kind}${text}`);
    }
  }
}

const changeKinds: Readonly<Record<string, MembershipChange["kind"]>> = {
  "add-voter": "addVoter",
  "add-learner": "addLearner",
  promote: "promote",
  remove: "remove",
};

function parseChanges(command: string): MembershipChange[] {
  const list = command
    .trim()
    .split(/\s+/)
    .slice(2)
    .join(" ")
    .split(/\s*,\s*/);
  return list.map((change) => {
    const [verb = "", member = ""] = change.split(" ");
    const kind = changeKinds[verb];
    if (kind === undefined) throw new Error(`no such change: ${change}`);
    return { kind, member };
  });
}
