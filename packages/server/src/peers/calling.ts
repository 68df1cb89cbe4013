// The caller's side of a handshake, apart from any socket: what it says, and whether it believes the answer.
// It believes whom it holds to a key by that key; whom it has never met at the address that it was given for
// it, or by the join secret where there is one.

import type { MemberId } from "@althing/consensus";
import {
  type Challenge,
  type ChannelName,
  compareIdentities,
  decodeChallenge,
  decodeWelcome,
  encodeMessage,
  type Hello,
  noSecret,
  type PeerIdentity,
  peerProtocolVersion,
  type Refusal,
  unproved,
} from "./handshake.ts";
import { type Introduction, isIntroduction } from "./introduction.ts";
import {
  type DiskKey,
  isKeyIdentity,
  isSignedBy,
  knowsSecret,
  newNonce,
  proofOfSecret,
  statementOf,
} from "./proof.ts";

export interface CallingOptions {
  readonly identity: PeerIdentity;
  readonly key: DiskKey;
  /** "" for one that asks anybody. */
  readonly to: MemberId;
  readonly channel: ChannelName;
  readonly joinSecret: string | undefined;
  /** Of the TLS session; "" in clear text. Asked once the connection is up. */
  readonly binding: () => string;
  /** What the callee is held to; undefined: it was never met. */
  readonly held: (member: MemberId) => string | undefined;
  /** Takes the callee for the member with that identity; a string is the reason why it does not. */
  readonly admit: (member: MemberId, identity: string) => string | undefined;
  readonly urls?: readonly string[];
  readonly introductions?: readonly Introduction[];
}

export class Calling {
  readonly #options: CallingOptions;
  readonly #hello: Hello;
  #challenge: Challenge | undefined;
  #statement = "";
  #admitted = false;

  constructor(options: CallingOptions) {
    this.#options = options;
    const { identity, to, channel } = options;
    this.#hello = { ...identity, to, channel, nonce: newNonce() };
  }

  /**
   * Whether what the callee says in refusing counts: it is the member that was called, by the key that it is held
   * to or by a secret; not just somebody at its address.
   */
  believes({ joinProof = "", formerProof = "" }: Refusal): boolean {
    if (this.#challenge === undefined) return false;
    if (this.#admitted) return true;
    const { held, joinSecret, channel } = this.#options;
    const former = held(this.#challenge.member);
    if (former !== undefined && !isKeyIdentity(former)) {
      return knowsSecret(former, this.#statement, formerProof);
    }
    if (former !== undefined) return false;
    if (joinSecret !== undefined) return knowsSecret(joinSecret, this.#statement, joinProof);
    return channel === "ask";
  }

  hello(): Uint8Array {
    return encodeMessage(this.#hello);
  }

  /** The proof to send, and why nothing may follow it, if so. */
  challenged(payload: Uint8Array): { readonly proof?: Uint8Array; readonly refusal?: Refusal } {
    const challenge = decodeChallenge(payload);
    if (challenge === undefined || this.#challenge !== undefined) {
      return { refusal: { code: "malformed", reason: "a challenge that cannot be read" } };
    }
    const { key, joinSecret, binding, urls = [], introductions = [] } = this.#options;
    const { identity, channel, to } = this.#options;
    const asks = channel === "ask";
    const different = asks
      ? clusterFault(identity, challenge)
      : compareIdentities(identity, challenge);
    if (different !== undefined) return { refusal: different };
    if (!asks && challenge.member !== to) return { refusal: wrongMember(challenge.member, to) };
    const transcript = {
      version: peerProtocolVersion,
      binding: binding(),
      clusterId: challenge.clusterId,
      consensus: challenge.consensus,
      channel,
      caller: this.#hello,
      callee: challenge,
    };
    const theirs = statementOf("callee", transcript);
    if (!isSignedBy(challenge.identity, theirs, challenge.signature)) {
      return { refusal: unproved(challenge.member) };
    }
    this.#challenge = challenge;
    this.#statement = theirs;
    const refusal = asks ? undefined : this.#judge(challenge);
    const own = statementOf("caller", transcript);
    const { formerIdentity } = key;
    const proof = encodeMessage({
      signature: key.sign(own),
      joinProof: joinSecret === undefined ? "" : proofOfSecret(joinSecret, own),
      formerProof: formerIdentity === undefined ? "" : proofOfSecret(formerIdentity, own),
      urls,
      introductions,
    });
    return refusal === undefined ? { proof } : { proof, refusal };
  }

  /** The last word: whom only a shared secret can prove is believed here. */
  welcomed(payload: Uint8Array): { refusal?: Refusal; introduction?: Introduction } {
    const challenge = this.#challenge;
    const welcome = decodeWelcome(payload);
    if (challenge === undefined || welcome === undefined) {
      return { refusal: { code: "malformed", reason: "a welcome that cannot be read" } };
    }
    if (!this.#admitted) {
      const refusal = this.#judgeBySecret(challenge, welcome.joinProof, welcome.formerProof);
      if (refusal !== undefined) return { refusal };
    }
    const { introduction } = welcome;
    if (introduction === undefined || !this.#isAboutThisMember(introduction, challenge)) return {};
    return { introduction };
  }

  /** Of one that was asked, before its answer is believed. */
  answered(joinProof: string): Refusal | undefined {
    const { joinSecret } = this.#options;
    if (this.#challenge === undefined) return unproved("");
    if (joinSecret === undefined || knowsSecret(joinSecret, this.#statement, joinProof)) {
      return undefined;
    }
    return noSecret(this.#challenge.member);
  }

  #judge({ member, identity }: Challenge): Refusal | undefined {
    const { held, joinSecret } = this.#options;
    const known = held(member);
    if (known === undefined && joinSecret !== undefined) return undefined;
    if (known !== undefined && !isKeyIdentity(known)) return undefined;
    return this.#admit(member, identity);
  }

  #judgeBySecret(
    { member, identity }: Challenge,
    joinProof: string,
    formerProof: string,
  ): Refusal | undefined {
    const { held, joinSecret } = this.#options;
    const former = held(member);
    if (former !== undefined && !isKeyIdentity(former)) {
      const isTheSame = knowsSecret(former, this.#statement, formerProof);
      return this.#admit(member, isTheSame ? former : identity);
    }
    if (former === undefined && joinSecret !== undefined) {
      if (!knowsSecret(joinSecret, this.#statement, joinProof)) return noSecret(member);
    }
    return this.#admit(member, identity);
  }

  #admit(member: MemberId, identity: string): Refusal | undefined {
    const reason = this.#options.admit(member, identity);
    if (reason !== undefined) return { code: "identity", reason };
    this.#admitted = true;
    return undefined;
  }

  #isAboutThisMember(introduction: Introduction, { member, identity }: Challenge): boolean {
    const own = this.#options.identity;
    return (
      introduction.introducer === member &&
      introduction.member === own.member &&
      introduction.identity === own.identity &&
      isIntroduction(own.clusterId, introduction, identity)
    );
  }
}

/** One that asks may know its cluster and need not know the protocol that it runs. */
function clusterFault(own: PeerIdentity, { clusterId, member }: Challenge): Refusal | undefined {
  if (own.clusterId === "" || own.clusterId === clusterId) return undefined;
  const reason = `member ${member} belongs to cluster ${clusterId}, this is a member of cluster ${own.clusterId}`;
  return { code: "cluster", reason };
}

function wrongMember(found: MemberId, wanted: MemberId): Refusal {
  const reason = `member ${found} answers at the address of member ${wanted}`;
  return { code: "wrongMember", reason };
}
