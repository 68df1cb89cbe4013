// Every event that the service emits on a member beside the member's own: the kinds are stable, metrics and
// traces switch on them. This list is complete; a test holds the sources to it.

export const serviceEventKinds = {
  "lease.expired": "nobody kept it alive; its revoke is proposed: lease",
  "stateHash.odd": "a majority agrees against this member, and the CORRUPT alarm is raised: member",
} as const;

export type ServiceEventKind = keyof typeof serviceEventKinds;
