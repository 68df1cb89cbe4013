// Whom a certificate names, read as etcd reads it (Go's crypto/x509): of several common names the last one counts,
// and a host is named among the alternative names alone. A common name may be a user's, who chose it.

import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** "": none. */
export function commonNameOf({ subject }: Pick<PeerCertificate, "subject">): string {
  return [subject?.CN].flat().at(-1) ?? "";
}

/** Why it is not good for this host. */
export function hostFault(host: string, certificate: PeerCertificate): Error | undefined {
  const { CN: _, ...subject } = certificate.subject ?? {};
  return checkServerIdentity(host, { ...certificate, subject } as PeerCertificate);
}
