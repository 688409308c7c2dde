/* Who is signed in, and what the access key may do. */
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { answerOf, callAs, send } from "./call";

export interface Session {
  AccessKeyId: string;
  AccountId: string;
  CsrfToken: string;
  IdleSeconds: number;
  ExpireTime: string;
  Version: string;
  Grants: { Action: string; Instance: string }[];
  Operations: Record<string, { Everywhere: boolean; Instances: string[] }>;
}

export type SignedOut = "never" | "expired" | "left";

interface Sessions {
  session: Session | null; /* null: nobody is signed in */
  why: SignedOut;
  loading: boolean;
  signIn(accessKeyId: string, accessKeySecret: string): Promise<void>;
  signOut(): Promise<void>;
}

/* Work that was not sent yet, kept under the query key [DRAFT, …], and nothing secret: the same key finds it again when its session
 * has expired. */
export const DRAFT = "draft";

const Context = createContext<Sessions | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session | null>(null);
  const [why, setWhy] = useState<SignedOut>("never");
  const [loading, setLoading] = useState(true);
  const queries = useQueryClient();
  const last = useRef(""); /* who was signed in */

  const leave = useCallback(
    (reason: SignedOut) => {
      callAs("", () => {});
      if (reason === "expired") queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== DRAFT });
      else queries.clear();
      setWhy(reason);
      setSession(null);
    },
    [queries],
  );
  const enter = useCallback(
    (s: Session) => {
      callAs(s.CsrfToken, () => leave("expired"));
      if (last.current !== s.AccessKeyId) queries.removeQueries({ queryKey: [DRAFT] });
      last.current = s.AccessKeyId;
      setSession(s);
    },
    [leave, queries],
  );

  useEffect(() => {
    send("/console/session", { headers: { accept: "application/json" } })
      .then(async (reply) => {
        if (reply.status !== 401) enter(await answerOf<Session>(reply, "session"));
      })
      .catch(() => {})
      .finally(() => setLoading(false));
  }, [enter]);

  const sessions = useMemo<Sessions>(
    () => ({
      session,
      why,
      loading,
      async signIn(AccessKeyId, AccessKeySecret) {
        const reply = await send("/console/session", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ AccessKeyId, AccessKeySecret }),
        });
        enter(await answerOf<Session>(reply, "session"));
      },
      async signOut() {
        const headers = { "x-signet-csrf": session?.CsrfToken ?? "" };
        await send("/console/session", { method: "DELETE", headers }).catch(() => {});
        leave("left");
      },
    }),
    [session, why, loading, enter, leave],
  );
  return <Context.Provider value={sessions}>{children}</Context.Provider>;
}

export function useSessions(): Sessions {
  const sessions = useContext(Context);
  if (sessions === null) throw new Error("no SessionProvider");
  return sessions;
}

/* The session; only below a page that is shown to who is signed in. */
export function useSession(): Session {
  const { session } = useSessions();
  if (session === null) throw new Error("nobody is signed in");
  return session;
}

/* may("SetSniConfig", instance): on that instance. may("CreateInstance"): on the account. What may not be done is not offered. */
export function useMay(): (operation: string, instance?: string) => boolean {
  const { Operations } = useSession();
  return useCallback(
    (operation, instance) => {
      const allowed = Operations[operation];
      if (allowed === undefined) return false;
      return allowed.Everywhere || (instance !== undefined && allowed.Instances.includes(instance));
    },
    [Operations],
  );
}
