// How GraphiQL talks to the endpoint: operations over HTTP, subscriptions over graphql-transport-ws.

import type { Fetcher } from "@graphiql/toolkit";
import {
  type ExecutionResult,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
} from "graphql";
import { createClient } from "graphql-ws";
import { page } from "./page";
import { type Answer, type Question, ask } from "./server";
import { type Session, authorization } from "./session";

// The schema is the same for every session of an endpoint, and reading it is dear.
const READS_SCHEMA = "IntrospectionQuery";
let schema: Answer | null = null;

/** The fetcher of a session; `onEnded` is called when the server no longer knows it. */
export function fetcherOf(session: Session | null, onEnded: () => void): Fetcher {
  let known = schema;
  return (params, options) => {
    const readsSchema = params.operationName === READS_SCHEMA;
    if (readsSchema && known) {
      const answer = known;
      // The next time it is the button that reads the schema anew.
      known = null;
      return answer as ExecutionResult;
    }
    const headers = withSession(options?.headers ?? {}, session);
    // Just after a change of tab GraphiQL still names the operation of the tab before.
    const operation = operationOf(params.query, params.operationName);
    const question: Question = operation
      ? { ...params, operationName: operation.name?.value }
      : params;
    if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
      return follow(question, headers);
    }
    return ask(question, headers).then((answer) => {
      const ended = answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED");
      if (readsSchema && answer.data) schema = answer;
      if (session && ended && headers.Authorization === `Bearer ${session.token}`) onEnded();
      return answer as ExecutionResult;
    });
  };
}

// The header editor decides; a tab that says nothing about it uses the session.
function withSession(
  headers: Record<string, unknown>,
  session: Session | null,
): Record<string, string> {
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
  const decided = Object.keys(given).some((name) => name.toLowerCase() === "authorization");
  return session && !decided ? { ...authorization(session.token), ...given } : given;
}

// The operation of that name, or else the first; none in a text that is no document, which the server explains.
function operationOf(text: string, name?: string | null): OperationDefinitionNode | undefined {
  try {
    const operations = parse(text, { noLocation: true }).definitions.filter(
      (definition) => definition.kind === Kind.OPERATION_DEFINITION,
    );
    return operations.find((operation) => operation.name?.value === name) ?? operations[0];
  } catch {
    return undefined;
  }
}

async function* follow(
  question: Question,
  headers: Record<string, string>,
): AsyncGenerator<ExecutionResult> {
  const url = new URL(page.url, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const client = createClient({ url: url.href, connectionParams: headers, retryAttempts: 0 });
  try {
    const events = client.iterate({
      query: question.query,
      variables: question.variables as Record<string, unknown> | undefined,
      operationName: question.operationName,
    });
    for await (const event of events) yield event as ExecutionResult;
  } catch (error) {
    if (error instanceof CloseEvent) {
      throw new Error(`The connection was closed: ${error.reason || "no reason given"} (${error.code})`);
    }
    throw error;
  } finally {
    await client.dispose();
  }
}
