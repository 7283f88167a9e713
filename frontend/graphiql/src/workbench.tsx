// GraphiQL itself: large, so it is loaded after the page stands.

import "./workers";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { useMemo } from "react";
import { fetcherOf } from "./fetcher";
import { type Session, authorization } from "./session";
import { addNewOperations, shippedTabs, storage } from "./tabs";

const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

addNewOperations();

interface Properties {
  session: Session | null;
  onEnded: () => void;
}

/** GraphiQL for a session. Another session makes another one: what the last one read is not shown to the next. */
export default function Workbench({ session, onEnded }: Properties) {
  const fetcher = useMemo(() => fetcherOf(session, onEnded), [session, onEnded]);
  const headers = JSON.stringify(session ? authorization(session.token) : {}, null, 2);
  return (
    <GraphiQL
      key={session?.token ?? ""}
      fetcher={fetcher}
      plugins={plugins}
      storage={storage}
      defaultTabs={shippedTabs}
      initialHeaders={headers}
      defaultHeaders={headers}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>{" "}</GraphiQL.Logo>
    </GraphiQL>
  );
}
