// graphql-sse in its distinct connections mode.

import { createClient } from "graphql-sse";

import { authorization, main } from "./scenario.mjs";

function connect({ url, token }) {
  return createClient({ url, headers: authorization(token), retryAttempts: 0 });
}

await main({
  async operation({ request, ...input }) {
    const client = connect(input);
    const answers = [];
    for await (const answer of client.iterate(request)) answers.push(answer);
    client.dispose();
    return answers;
  },
});
