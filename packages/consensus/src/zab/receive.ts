// The door for messages: the table that says what each role makes of each message. A new message does
// not compile until every role has an answer. Sessions and epochs are checked by the handlers.

import type { MemberId } from "../contract.ts";
import { handleCommit, handleProposal } from "./append.ts";
import { handleAckEpoch, handleFollowerInfo, handleLeaderInfo } from "./discovery.ts";
import { handleNotification } from "./election.ts";
import { handlePing, handlePong, hearWhileInstalling } from "./heartbeat.ts";
import type { MessageKind, MessageOf, ZabMessage } from "./messages.ts";
import {
  handleSyncRefusal,
  handleSyncRequest,
  handleSyncResponse,
  refuseSyncRequest,
} from "./reads.ts";
import { handleAck } from "./replication.ts";
import type { Zab, ZabRole } from "./self.ts";
import {
  handleAckNewLeader,
  handleDiff,
  handleNewLeader,
  handleSnap,
  handleTrunc,
  handleUpToDate,
} from "./synchronization.ts";

type Handler<Kind extends MessageKind> = (
  zab: Zab,
  from: MemberId,
  message: MessageOf<Kind>,
) => void;
/** What a member that installs a snapshot takes is the same in every role (installing/). */
type Row = ZabRole | "installing";
type Table = {
  readonly [Role in Row]: { readonly [Kind in MessageKind]: Handler<Kind> | "ignored" };
};

const always = {
  notification: handleNotification,
  syncResponse: handleSyncResponse,
  syncRefusal: handleSyncRefusal,
} as const;

const fromLeader = {
  leaderInfo: "ignored",
  diff: "ignored",
  trunc: "ignored",
  snap: "ignored",
  newLeader: "ignored",
  upToDate: "ignored",
  proposal: "ignored",
  inform: "ignored",
  commit: "ignored",
  ping: "ignored",
} as const;

const fromFollower = {
  followerInfo: "ignored",
  ackEpoch: "ignored",
  ackNewLeader: "ignored",
  ack: "ignored",
  pong: "ignored",
  syncRequest: refuseSyncRequest,
} as const;

const table: Table = {
  looking: { ...always, ...fromLeader, ...fromFollower, followerInfo: keepFollowerInfo },
  following: {
    ...always,
    ...fromFollower,
    leaderInfo: handleLeaderInfo,
    diff: handleDiff,
    trunc: handleTrunc,
    snap: handleSnap,
    newLeader: handleNewLeader,
    upToDate: handleUpToDate,
    proposal: handleProposal,
    inform: handleProposal,
    commit: handleCommit,
    ping: handlePing,
  },
  leading: {
    ...always,
    ...fromLeader,
    followerInfo: handleFollowerInfo,
    ackEpoch: handleAckEpoch,
    ackNewLeader: handleAckNewLeader,
    ack: handleAck,
    pong: handlePong,
    syncRequest: handleSyncRequest,
  },
  // Its history is about to be another one: it accepts no epoch and takes part in no session until then.
  installing: {
    ...always,
    ...fromLeader,
    ...fromFollower,
    ping: hearWhileInstalling,
  },
};

export function receive(zab: Zab, from: MemberId, message: ZabMessage): void {
  if (from === zab.settings.id) return;
  const row = zab.installing === undefined ? zab.role : "installing";
  const handler = table[row][message.kind];
  // The table ties each kind to a handler of its message; the pair is lost on the compiler here.
  if (handler !== "ignored") (handler as Handler<MessageKind>)(zab, from, message);
}

/** Somebody decided earlier than this member: it counts once this one leads. */
function keepFollowerInfo(zab: Zab, from: MemberId, message: MessageOf<"followerInfo">): void {
  zab.looking?.infos.set(from, message);
}
