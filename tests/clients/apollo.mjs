// Apollo Client with automatic persisted queries.

import { createHash } from "node:crypto";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { authorization, codes, main } from "./scenario.mjs";

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

// A client, and what it sent and got, in order.
function connect({ url, token, get = false }) {
  const traffic = [];
  async function fetchAndNote(address, options) {
    const response = await fetch(address, options);
    const sent = options.body
      ? JSON.parse(options.body)
      : Object.fromEntries(new URL(address).searchParams);
    traffic.push({
      method: options.method,
      text: "query" in sent,
      hash: "extensions" in sent,
      status: response.status,
      codes: codes(await response.clone().json()),
    });
    return response;
  }
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, useGETForHashedQueries: get }),
    new HttpLink({ uri: url, headers: authorization(token), fetch: fetchAndNote }),
  ]);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return { client, traffic };
}

await main({
  async query(input) {
    const { client, traffic } = connect(input);
    const { data } = await client.query({ query: gql(input.document) });
    return { data, traffic };
  },

  // The same query by two clients, one after the other, that know nothing of each other.
  async twice(input) {
    const first = connect(input);
    await first.client.query({ query: gql(input.document) });
    const second = connect(input);
    const { data } = await second.client.query({ query: gql(input.document) });
    return { data, traffic: second.traffic };
  },

  async mutate(input) {
    const { client, traffic } = connect(input);
    const { mutation: text, variables } = input;
    const { data } = await client.mutate({ mutation: gql(text), variables });
    return { data, traffic };
  },

  async fail(input) {
    const { client } = connect(input);
    try {
      await client.query({ query: gql(input.document) });
    } catch (error) {
      return { understood: CombinedGraphQLErrors.is(error), codes: codes(error) };
    }
    return { understood: false, codes: [] };
  },
});
