// The shipped operations as tabs, and what the browser keeps of GraphiQL.

import { page } from "./page";

const PREFIX = `tributary:${page.schema}:`;

export const shippedTabs = page.operations.map(({ query, variables }) => ({ query, variables }));

/** Storage for GraphiQL, apart for each schema. It ends with the browser tab: variables hold passwords and people's data. */
export const storage = {
  getItem: (key: string) => sessionStorage.getItem(PREFIX + key),
  setItem: (key: string, value: string) => sessionStorage.setItem(PREFIX + key, value),
  removeItem: (key: string) => sessionStorage.removeItem(PREFIX + key),
  clear: () => ownKeys().forEach((key) => sessionStorage.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};

function ownKeys(): string[] {
  return Object.keys(sessionStorage).filter((key) => key.startsWith(`${PREFIX}graphiql:`));
}
