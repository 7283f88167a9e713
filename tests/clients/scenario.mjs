// Runs one scenario of a client: `node client.mjs NAME INPUT`, with JSON in and JSON out.

export async function main(scenarios) {
  const [name, input] = process.argv.slice(2);
  const result = await scenarios[name](JSON.parse(input));
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

// The GraphQL errors of an answer, as their codes.
export function codes(answer) {
  return (answer?.errors ?? []).map((error) => error.extensions?.code);
}

export function authorization(token) {
  return token ? { authorization: `Bearer ${token}` } : {};
}
