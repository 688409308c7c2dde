/* What the broker on the API's machine serves for a domain, found out with a TLS handshake. */
import { call, type Answer } from "./call";

export interface ServedCertificate {
  Subject: string;
  Issuer: string;
  SerialNumber: string;
  Sha256: string;
  NotBefore: number;
  NotAfter: number;
  Pem: string;
}

export interface Verification extends Answer {
  Domain: string;
  ServerName: string;
  Protocol: string;
  Cipher: string; /* "": the broker has refused the handshake */
  NameMatches: boolean;
  ClientCertificateAsked: boolean;
  Chain: ServedCertificate[];
  ServedSha256: string;
  ConfiguredSha256: string;
  ConfiguredCertificate: string;
  ConfiguredBy: "exact" | "wildcard" | "default" | "none";
  Revision: number;
  ServedRevision: number;
  Matches: boolean;
  Reason: string;
  Command: string;
}

export function verifyDomain(MqttInstanceId: string, Domain: string): Promise<Verification> {
  return call<Verification>("VerifyDomain", { MqttInstanceId, Domain });
}
