// One value, three nodes, no log: a single instance of the synod protocol, as in Paxos Made Simple.
// Two proposers want different things, a node is down, and still only one value is chosen.
// Run it: node examples/synod.ts

import { synod } from "@althing/consensus";

const isMajority = (nodes: ReadonlySet<string>) => nodes.size >= 2;

// A node's acceptor. A real one writes `acceptor.durable` to its disk before each answer leaves.
const nodes = new Map(["one", "two", "three"].map((name) => [name, new synod.Acceptor<string>()]));
const learner = new synod.Learner<string>(isMajority);

/** Runs both phases against the nodes that are up. */
function propose(name: string, value: string, down: string): void {
  const proposer = new synod.Proposer(name, value, isMajority);
  // A ballot that is too low is refused, and the next one is higher.
  while (proposer.phase !== "proposing") {
    const prepare = proposer.prepare();
    console.log(`${name} prepares ballot ${synod.describeBallot(prepare.ballot)}`);
    for (const [node, acceptor] of nodes) {
      if (node === down) continue;
      const accept = proposer.receive(node, acceptor.receive(prepare));
      if (accept !== undefined) phaseTwo(name, accept, down);
    }
  }
}

function phaseTwo(name: string, accept: synod.SynodRequest<string>, down: string): void {
  if (accept.kind === "accept") console.log(`${name} proposes "${accept.value}"`);
  for (const [node, acceptor] of nodes) {
    if (node !== down) learner.receive(node, acceptor.receive(accept));
  }
}

propose("alice", "build the bridge", "three");
console.log(`chosen: ${learner.chosen?.value}`);

// Bob comes later and wants something else, and the node that alice could not reach is back while
// another is down. His quorum meets hers in node two, so he learns her value and proposes it again.
propose("bob", "build a ferry", "one");
console.log(`chosen: ${learner.chosen?.value}`);
