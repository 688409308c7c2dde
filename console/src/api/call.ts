/* One operation of the API, called with the session's cookie. */
import { setClock } from "./clock";

export type Params = Record<string, string | number | boolean | undefined>;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string,
    readonly operation: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /* The parameter of `names` that the error is about. Its Code says so (InvalidDomain, MissingDomain,
   * InvalidParameter.Domain), else the first word of the message that is one. */
  field(names: readonly string[]): string | undefined {
    const named = /^(?:InvalidParameter\.|Invalid|Missing)(\w+)$/.exec(this.code)?.[1];
    if (named !== undefined && names.includes(named)) return named;
    return this.message.match(/[A-Za-z]+/g)?.find((word) => names.includes(word));
  }
}

/* Refused for now only: the account has made too many such calls in this second. */
export function throttled(e: unknown): boolean {
  return e instanceof ApiError && e.code === "Throttling.User";
}

const CAS = new Set([
  "UploadUserCertificate",
  "GetUserCertificateDetail",
  "ListUserCertificateOrder",
  "DeleteUserCertificate",
  "ListCertificates",
  "GetCertificateDetail",
]);

export function versionOf(operation: string): string {
  return CAS.has(operation) ? "2020-04-07" : "2020-04-20";
}

export interface Answer {
  RequestId: string;
}

/* The second: the browser's cookie is of another session, which a tab beside this one has begun. */
const NOT_SIGNED_IN = new Set(["ConsoleSessionExpired", "ConsoleCsrfTokenInvalid"]);

const PATIENCE_MS = { read: 20_000, change: 120_000 }; /* more than either takes */

let csrfToken = "";
let onExpired: () => void = () => {};

/* Of the session that is signed in; `expired` is told when the server knows it no more. */
export function callAs(token: string, expired: () => void): void {
  csrfToken = token;
  onExpired = expired;
}

export function formBody(params: Params): URLSearchParams {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) body.set(name, String(value));
  return body;
}

/* The rollout: what the header x-signet-rollout says of a change: applied, pending or none. */
export async function callWithRollout<T extends Answer>(
  operation: string,
  params: Params = {},
  signal?: AbortSignal,
): Promise<{ answer: T; rollout: string | null }> {
  const token = csrfToken;
  const reply = await send(`/console/api/${versionOf(operation)}/${operation}`, {
    method: "POST",
    headers: { "x-signet-csrf": token, accept: "application/json" },
    body: formBody(params),
    signal: signal ?? null,
  });
  try {
    return { answer: await answerOf<T>(reply, operation), rollout: reply.headers.get("x-signet-rollout") };
  } catch (e) {
    if (e instanceof ApiError && NOT_SIGNED_IN.has(e.code) && token === csrfToken) onExpired(); /* not a session that has begun since */
    throw e;
  }
}

/* What a reply holds; an ApiError when it is a refusal, or was cut off. */
export async function answerOf<T>(reply: Response, operation: string): Promise<T> {
  const answer = await reply.json().catch(() => undefined);
  if (!reply.ok) throw new ApiError(reply.status, answer?.Code ?? `HTTP ${reply.status}`, answer?.Message ?? reply.statusText, answer?.RequestId ?? "", operation);
  if (answer === undefined) throw new ApiError(0, "Unreachable", "signet-api does not answer.", "", operation);
  return answer as T;
}

export async function call<T extends Answer>(operation: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return (await callWithRollout<T>(operation, params, signal)).answer;
}

/* fetch() of this server; that it cannot be reached is an ApiError too. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const over = new AbortController(); /* AbortSignal.any() is too new */
  const timer = setTimeout(() => over.abort(), init.signal ? PATIENCE_MS.read : PATIENCE_MS.change); /* reads can be given up */
  const asked = init.signal;
  if (asked?.aborted) over.abort();
  asked?.addEventListener("abort", () => over.abort(), { once: true });
  try {
    const reply = await fetch(path, { credentials: "same-origin", cache: "no-store", redirect: "error", ...init, signal: over.signal });
    setClock(reply.headers.get("date"));
    return reply;
  } catch (e) {
    if (asked?.aborted) throw e;
    throw new ApiError(0, "Unreachable", "signet-api does not answer.", "", path);
  } finally {
    clearTimeout(timer);
  }
}
