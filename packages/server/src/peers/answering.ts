// The callee's side of a handshake, apart from any socket: it challenges who names this cluster and this
// member, and finds out what the caller can prove. What that is worth is judged by whoever knows the members.

import {
  compareIdentities,
  decodeHello,
  decodeProof,
  encodeMessage,
  type Hello,
  type PeerIdentity,
  type Proof,
  peerProtocolVersion,
  type Refusal,
  unproved,
} from "./handshake.ts";
import type { Introduction } from "./introduction.ts";
import type { PeerUrl } from "./peer-url.ts";
import {
  type DiskKey,
  isSignedBy,
  knowsSecret,
  newNonce,
  proofOfSecret,
  statementOf,
  type Transcript,
} from "./proof.ts";

export interface AnsweringOptions {
  readonly identity: PeerIdentity;
  readonly key: DiskKey;
  readonly joinSecret: string | undefined;
  /** Of the TLS session; "" in clear text. */
  readonly binding: () => string;
}

/** A caller that has shown the key that it names; whose key that is, is another question. */
export interface ProvedCaller {
  readonly hello: Hello;
  readonly proof: Proof;
  /** It knows the join secret; false where there is none. */
  readonly knowsJoinSecret: boolean;
  /** It knows by what its directory was known before it had a key. */
  knowsFormer(former: string): boolean;
}

export interface Knock extends ProvedCaller {
  /** Why the caller's certificate is not that of a member that is reached there. */
  certificateFault(urls: readonly PeerUrl[]): string | undefined;
}

export class Answering {
  readonly #options: AnsweringOptions;
  #hello: Hello | undefined;
  #transcript: Transcript | undefined;

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  greeted(payload: Uint8Array): { readonly challenge: Uint8Array } | { readonly refusal: Refusal } {
    const { identity, key, binding } = this.#options;
    const hello = decodeHello(payload);
    if (hello === undefined || this.#hello !== undefined) {
      return { refusal: { code: "malformed", reason: "a hello that cannot be read" } };
    }
    const refusal = hello.channel === "ask" ? undefined : this.#differs(hello);
    if (refusal !== undefined) return { refusal };
    this.#hello = hello;
    const nonce = newNonce();
    this.#transcript = {
      version: peerProtocolVersion,
      binding: binding(),
      clusterId: identity.clusterId,
      consensus: identity.consensus,
      channel: hello.channel,
      caller: hello,
      callee: { member: identity.member, identity: identity.identity, nonce },
    };
    const signature = key.sign(statementOf("callee", this.#transcript));
    return { challenge: encodeMessage({ ...identity, nonce, signature }) };
  }

  proved(payload: Uint8Array): { readonly caller: ProvedCaller } | { readonly refusal: Refusal } {
    const [hello, transcript] = [this.#hello, this.#transcript];
    const proof = decodeProof(payload);
    if (hello === undefined || transcript === undefined || proof === undefined) {
      return { refusal: { code: "malformed", reason: "a proof that cannot be read" } };
    }
    const statement = statementOf("caller", transcript);
    if (!isSignedBy(hello.identity, statement, proof.signature)) {
      return { refusal: unproved(hello.member) };
    }
    const { joinSecret } = this.#options;
    return {
      caller: {
        hello,
        proof,
        knowsJoinSecret:
          joinSecret !== undefined && knowsSecret(joinSecret, statement, proof.joinProof),
        knowsFormer: (former) => knowsSecret(former, statement, proof.formerProof),
      },
    };
  }

  welcome(introduction: Introduction | undefined): Uint8Array {
    return encodeMessage({ ...this.#secretProofs(), introduction });
  }

  /** With what makes it believed, once there is a connection to prove something on. */
  refusal(refusal: Refusal): Uint8Array {
    const proofs = this.#transcript === undefined ? {} : this.#secretProofs();
    return encodeMessage({ ...refusal, ...proofs });
  }

  joinProof(): string {
    const { joinSecret } = this.#options;
    if (joinSecret === undefined) return "";
    return proofOfSecret(joinSecret, statementOf("callee", this.#transcript!));
  }

  #secretProofs() {
    const { formerIdentity } = this.#options.key;
    const statement = statementOf("callee", this.#transcript!);
    const formerProof =
      formerIdentity === undefined ? "" : proofOfSecret(formerIdentity, statement);
    return { joinProof: this.joinProof(), formerProof };
  }

  #differs(hello: Hello): Refusal | undefined {
    const { identity } = this.#options;
    const different = compareIdentities(identity, hello);
    if (different !== undefined) return different;
    if (hello.to === identity.member && hello.member !== identity.member) return undefined;
    return {
      code: "wrongMember",
      reason: `member ${hello.member} looks for member ${hello.to}, but this is member ${identity.member}; check the peer URLs in --initial-cluster`,
    };
  }
}
