// The session of this browser tab: it survives a reload and ends with the tab.

import { page, shipped } from "./page";
import { type Answer, ask } from "./server";

export interface Session {
  token: string;
  name: string;
  role: string;
}

interface UserError {
  code: string;
  message: string;
}

const KEY = `tributary:${page.schema}:session`;

/** Why nobody was signed in; `code` is the server's, such as OTP_REQUIRED. */
export class LoginRefused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function authorization(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** Open a session. Throws LoginRefused, or an Error when the server does not answer. */
export async function logIn(email: string, password: string, otp: string): Promise<Session> {
  const input = { email, password, otp: otp || null };
  const answer = await ask({ query: shipped("login"), variables: { input } }, {});
  const payload = read<{ token: string | null; userErrors: UserError[] }>(answer, "login");
  const [error] = payload.userErrors;
  if (error || !payload.token) {
    throw new LoginRefused(error?.code ?? "UNKNOWN", sentence(error?.message ?? "you were not logged in"));
  }
  const session = await whoIs(payload.token);
  sessionStorage.setItem(KEY, JSON.stringify(session));
  return session;
}

/** The session that this tab had before it was reloaded, if the server still knows it. */
export async function restore(): Promise<Session | null> {
  const stored = sessionStorage.getItem(KEY);
  if (!stored) return null;
  try {
    return await whoIs((JSON.parse(stored) as Session).token);
  } catch (error) {
    if (error instanceof LoginRefused) forget();
    return null;
  }
}

/** End the session here and on the server. */
export async function logOut(session: Session): Promise<void> {
  forget();
  await ask({ query: shipped("logout") }, authorization(session.token));
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}

async function whoIs(token: string): Promise<Session> {
  const answer = await ask({ query: shipped("me") }, authorization(token));
  const { name, role } = read<{ name: string; role: string }>(answer, "me");
  return { token, name, role };
}

function read<Payload>(answer: Answer, field: string): Payload {
  const payload = answer.data?.[field];
  if (!payload) {
    const error = answer.errors?.[0];
    const message = error?.message ?? "the server gave no reason";
    throw new LoginRefused(error?.extensions?.code ?? "UNKNOWN", sentence(message));
  }
  return payload as Payload;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}
