// Changes of users, roles and permissions as they travel in commands, and users and roles as they are
// kept in the store's table. The formats are durable: numbers are appended, never changed.

import { type ByteReader, type ByteWriter, LaterVersion } from "@althing/bytes";
import type { AuthChange, Permission } from "../contract.ts";

const numbers = {
  enable: 1,
  disable: 2,
  authenticate: 3,
  addUser: 4,
  changePassword: 5,
  deleteUser: 6,
  grantRole: 7,
  revokeRole: 8,
  addRole: 9,
  deleteRole: 10,
  grantPermission: 11,
  revokePermission: 12,
} as const;
const permissionKinds: readonly Permission["kind"][] = ["read", "write", "readWrite"];

export function writeAuthChange(out: ByteWriter, change: AuthChange): void {
  out.u8(numbers[change.kind]);
  switch (change.kind) {
    case "enable":
    case "disable":
      break;
    case "authenticate":
      out.byteString(change.user);
      out.text(change.secret);
      out.varint(change.authRevision);
      break;
    case "addUser":
      out.byteString(change.user);
      out.text(change.password);
      out.u8(change.hasPassword ? 1 : 0);
      break;
    case "changePassword":
      out.byteString(change.user);
      out.text(change.password);
      break;
    case "deleteUser":
      out.byteString(change.user);
      break;
    case "grantRole":
    case "revokeRole":
      out.byteString(change.user);
      out.byteString(change.role);
      break;
    case "addRole":
    case "deleteRole":
      out.byteString(change.role);
      break;
    case "grantPermission":
      out.byteString(change.role);
      writePermission(out, change.permission);
      break;
    case "revokePermission":
      out.byteString(change.role);
      out.byteString(change.key);
      out.byteString(change.rangeEnd);
      break;
  }
}

export function readAuthChange(reader: ByteReader): AuthChange {
  const number = reader.u8();
  switch (number) {
    case numbers.enable:
      return { kind: "enable" };
    case numbers.disable:
      return { kind: "disable" };
    case numbers.authenticate: {
      const user = reader.byteString();
      const secret = reader.text();
      return { kind: "authenticate", user, secret, authRevision: reader.varint() };
    }
    case numbers.addUser: {
      const user = reader.byteString();
      const password = reader.text();
      return { kind: "addUser", user, password, hasPassword: readFlag(reader) };
    }
    case numbers.changePassword:
      return { kind: "changePassword", user: reader.byteString(), password: reader.text() };
    case numbers.deleteUser:
      return { kind: "deleteUser", user: reader.byteString() };
    case numbers.grantRole:
      return { kind: "grantRole", user: reader.byteString(), role: reader.byteString() };
    case numbers.revokeRole:
      return { kind: "revokeRole", user: reader.byteString(), role: reader.byteString() };
    case numbers.addRole:
      return { kind: "addRole", role: reader.byteString() };
    case numbers.deleteRole:
      return { kind: "deleteRole", role: reader.byteString() };
    case numbers.grantPermission:
      return {
        kind: "grantPermission",
        role: reader.byteString(),
        permission: readPermission(reader),
      };
    case numbers.revokePermission: {
      const role = reader.byteString();
      const key = reader.byteString();
      return { kind: "revokePermission", role, key, rangeEnd: reader.byteString() };
    }
    default:
      throw new LaterVersion(`unknown auth change ${number}`);
  }
}

export function writePermission(out: ByteWriter, permission: Permission): void {
  out.u8(permissionKinds.indexOf(permission.kind));
  out.byteString(permission.key);
  out.byteString(permission.rangeEnd);
}

export function readPermission(reader: ByteReader): Permission {
  const kind = permissionKinds[reader.u8()];
  if (kind === undefined) throw new LaterVersion("unknown kind of permission");
  return { kind, key: reader.byteString(), rangeEnd: reader.byteString() };
}

export function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new LaterVersion("neither 0 nor 1");
  return value === 1;
}
