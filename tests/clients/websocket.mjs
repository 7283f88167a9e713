// graphql-ws.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { authorization, main } from "./scenario.mjs";

function connect({ url, token, ...options }) {
  return createClient({
    url: url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: authorization(token),
    retryAttempts: 0,
    ...options,
  });
}

async function all(client, request) {
  const answers = [];
  for await (const answer of client.iterate(request)) answers.push(answer);
  return answers;
}

await main({
  async operation({ request, ...input }) {
    const client = connect(input);
    const answers = await all(client, request);
    await client.dispose();
    return answers;
  },

  // What the client reports when its operation is refused.
  async refused({ request, ...input }) {
    const client = connect(input);
    try {
      await all(client, request);
    } catch (errors) {
      return errors.map((error) => error.extensions.code);
    }
    return [];
  },

  // The code with which the server closes.
  async closed({ request, ...input }) {
    const client = connect(input);
    try {
      await all(client, request);
    } catch (event) {
      return { code: event.code, reason: event.reason };
    }
    return null;
  },

  async pings(input) {
    let client;
    const pongs = await new Promise((resolve) => {
      let count = 0;
      const on = { pong: (received) => received && ++count === 2 && resolve(count) };
      client = connect({ ...input, lazy: false, keepAlive: 20, on });
    });
    await client.dispose();
    return pongs;
  },

  // Leaves an endless subscription after two ticks, then listens for more of it while a query runs.
  async leave({ request, query, ...input }) {
    const received = [];
    const on = { message: (message) => message.type === "next" && received.push(message.id) };
    const client = connect({ ...input, on });
    let ticks = 0;
    for await (const _ of client.iterate(request)) if (++ticks === 2) break;
    // Messages keep their order: once this is answered, the server has heard `complete`, and what was under way is here.
    await all(client, query);
    const before = received.length;
    await new Promise((resolve) => setTimeout(resolve, 400));
    await client.dispose();
    return { ticks, later: received.length - before };
  },
});
