// Alarms bind the whole cluster, so raising and ending one goes through the log. The answer names what was
// affected: ending an alarm that is not there affects nothing and is no error.

import { type AlarmKind, encodeCommand } from "@althing/store";
import { type EtcdInit, type EtcdMessage, etcdCodecs, etcdSchema } from "@althing/wire";
import type { UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { failWith, memberFault } from "../errors.ts";
import { hexOf, idOf } from "../ids.ts";

const { NONE, NOSPACE, CORRUPT } = etcdSchema.enums.AlarmType;
const { GET, ACTIVATE, DEACTIVATE } = etcdSchema.enums.AlarmAction;
const kinds: ReadonlyMap<number, AlarmKind> = new Map([
  [NOSPACE, "nospace"],
  [CORRUPT, "corrupt"],
]);
const numbers: Readonly<Record<AlarmKind, number>> = { nospace: NOSPACE, corrupt: CORRUPT };

export function alarmMethod(dependencies: {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
}): UnaryMethod<EtcdMessage<"AlarmRequest">, EtcdInit<"AlarmResponse">> {
  const { context, view, admission, access } = dependencies;
  const { member, store } = context;
  return {
    kind: "unary",
    service: "etcdserverpb.Maintenance",
    method: "Alarm",
    decode: etcdCodecs.AlarmRequest.decode,
    encode: (writer, response) => etcdCodecs.AlarmResponse.write(response, writer),
    handle(request, call) {
      const fault = admission.refuse(call, false);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      const respond = (alarms: EtcdInit<"AlarmMember">[]) =>
        call.respond({ header: view.header(store.revision), alarms });
      const kind = kinds.get(request.alarm);
      member.read((error) => {
        if (error !== undefined) {
          failWith(call, error.code);
          return;
        }
        const refused =
          request.action === GET ? access.refusesStranger(call) : access.refusesNonAdmin(call);
        if (refused !== undefined) {
          failWith(call, refused);
          return;
        }
        const raised = store.alarms();
        if (request.action === GET) {
          const listed = raised.filter((one) => request.alarm === NONE || one.alarm === kind);
          respond(listed.map(({ member, alarm }) => toWire(member, alarm)));
          return;
        }
        const id = hexOf(request.memberID);
        const isRaised = raised.some((one) => one.member === id && one.alarm === kind);
        const ends = request.action === DEACTIVATE;
        if (kind === undefined || (ends && !isRaised) || (!ends && request.action !== ACTIVATE)) {
          respond([]);
          return;
        }
        const action = ends ? "deactivate" : "activate";
        const command = encodeCommand({ kind: "alarm", action, member: id, alarm: kind });
        access.proposeAsClient(call, command, (outcome) => {
          if (outcome.kind === "failed") failWith(call, memberFault(outcome.error));
          else if (outcome.kind === "refused") failWith(call, outcome.code);
          else if (outcome.result.kind === "error") failWith(call, outcome.result.code);
          else respond([toWire(id, kind)]);
        });
      });
    },
  };
}

function toWire(member: string, alarm: AlarmKind): EtcdInit<"AlarmMember"> {
  return { memberID: idOf(member), alarm: numbers[alarm] };
}
