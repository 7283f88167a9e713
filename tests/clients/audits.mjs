// The server audits of graphql-http.

import { auditServer } from "graphql-http";
import { main } from "./scenario.mjs";

await main({
  async audit({ url }) {
    const results = await auditServer({ url });
    return results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
  },
});
