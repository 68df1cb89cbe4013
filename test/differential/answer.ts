// One answer of one side, in the form in which both sides' are laid beside each other.

import type { Message } from "../client/protobuf.ts";

export interface ComparableAnswer {
  readonly code: number;
  readonly message: string;
  readonly response: Message | undefined;
}
