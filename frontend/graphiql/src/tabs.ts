// What the browser keeps of GraphiQL, and the shipped operations as tabs in it.

import { page } from "./page";

const PREFIX = `tributary:${page.schema}:`;
const TABS = "graphiql:tabState";
const OFFERED = "offered";
const SECRET = /^(password|otp|token)$/i;

/** Storage for GraphiQL, apart for each schema; passwords and codes in variables are not kept. */
export const storage = {
  getItem: (key: string) => localStorage.getItem(PREFIX + key),
  setItem: (key: string, value: string) => localStorage.setItem(PREFIX + key, withoutSecrets(value)),
  removeItem: (key: string) => localStorage.removeItem(PREFIX + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};

function ownKeys(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

/** The tabs of a first visit. */
export const shippedTabs = page.operations.map(({ query, variables }) => ({ query, variables }));

/** Add operations that the server did not ship at the last visit; closed tabs stay closed. */
export function addNewOperations(): void {
  const offered: string[] = JSON.parse(storage.getItem(OFFERED) ?? "[]");
  const kept = storage.getItem(TABS);
  if (kept) {
    const state = JSON.parse(kept) as { tabs: unknown[] };
    const added = page.operations.filter((operation) => !offered.includes(operation.name));
    state.tabs.push(...added.map(storedTab));
    storage.setItem(TABS, JSON.stringify(state));
  }
  storage.setItem(OFFERED, JSON.stringify(page.operations.map((operation) => operation.name)));
}

function storedTab({ name, query, variables }: (typeof page.operations)[number]): unknown {
  const title = /^(?:query|mutation|subscription)\s+(\w+)/m.exec(query)?.[1] ?? name;
  return {
    id: `shipped-${name}`,
    title,
    query,
    variables,
    operationName: title,
    hash: null,
    headers: null,
    response: null,
  };
}

// Variables are JSON in strings, in JSON: look inside.
function withoutSecrets(text: string): string {
  if (!/password|otp|token/i.test(text)) return text;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text;
  }
  const cleaned = cleaning(parsed);
  return typeof parsed === "object" ? JSON.stringify(cleaned, null, 2) : text;
}

function cleaning(value: unknown): unknown {
  if (typeof value === "string" && value.trimStart().startsWith("{")) return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(cleaning);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET.test(name) && typeof item === "string" ? "" : cleaning(item),
    ]),
  );
}
