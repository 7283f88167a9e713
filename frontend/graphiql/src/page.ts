// What the server says about this page, in the element #configuration.

export interface ShippedOperation {
  // The file's name without its ending, such as "create-campaign".
  name: string;
  query: string;
  // JSON as text, or null.
  variables: string | null;
}

export interface Page {
  // "admin" or "partner".
  schema: string;
  // The path of the endpoint.
  url: string;
  // False: the schema may be read only after signing in.
  open: boolean;
  // The addresses of the editor's workers by the label that the editor gives them.
  workers: Record<string, string>;
  operations: ShippedOperation[];
}

const element = document.getElementById("configuration");

export const page: Page = JSON.parse(element?.textContent ?? "{}");

/** The text of an operation that ships with the server. */
export function shipped(name: string): string {
  const found = page.operations.find((operation) => operation.name === name);
  if (!found) throw new Error(`the server ships no operation "${name}"`);
  return found.query;
}
