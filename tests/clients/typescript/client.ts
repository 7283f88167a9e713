// An integrator's client, typed by what graphql-codegen made of the schema: `node client.js URL TOKEN`.

import { CreateCampaignDocument, MeDocument, OffersDocument } from "./partner.js";
import type { TypedDocumentString } from "./partner.js";

declare const process: { argv: string[] };

const [url = "", token = ""] = process.argv.slice(2);

interface Answer<Data> {
  data?: Data;
  errors?: { message: string; extensions: { code: string } }[];
}

async function run<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const answer = (await response.json()) as Answer<Data>;
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

const { me } = await run(MeDocument, {});
const role: "OWNER" | "MANAGER" | "FINANCE" | "VIEWER" = me.role;

const { brands } = await run(OffersDocument, { first: 10 });
const brandId: string | undefined = brands.nodes[0]?.id;

const { createCampaign } = await run(CreateCampaignDocument, {
  input: { name: "Spring reviews", brandId: brandId ?? null },
});
const campaign: string | undefined = createCampaign.campaign?.name;

console.log(JSON.stringify({ email: me.email, role, campaign, errors: createCampaign.userErrors }));
