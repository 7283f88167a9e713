// One operation over HTTP, with errors that say what happened.

import { page } from "./page";

export interface Problem {
  message: string;
  extensions?: { code?: string };
}

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: Problem[];
}

export interface Question {
  query: string;
  variables?: unknown;
  operationName?: string | null;
}

const ACCEPT = "application/graphql-response+json, application/json";

/** Ask the server. Throws an Error for people when there is no GraphQL answer. */
export async function ask(question: Question, headers: Record<string, string>): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(page.url, {
      method: "POST",
      headers: { Accept: ACCEPT, "Content-Type": "application/json", ...headers },
      body: JSON.stringify(question),
    });
  } catch {
    throw new Error("The server cannot be reached. Check that it runs, then try again.");
  }
  const text = await response.text();
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new Error(`The server answered with status ${response.status} and no JSON.`);
  }
}
