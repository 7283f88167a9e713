// GraphiQL itself: large, so it is loaded after the page stands.

import "./workers";
// GraphiQL asks for these when it is drawn, and takes no clicks until it has them: have them before.
import "monaco-graphql/esm/lite.js";
import "monaco-graphql/esm/monaco-editor.js";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { useMemo } from "react";
import { fetcherOf } from "./fetcher";
import { type Session, authorization } from "./session";
import { shippedTabs, storage } from "./tabs";

const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

// The editor gives up what it was doing when it is closed, and nobody waits for that.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Error && event.reason.name === "Canceled") event.preventDefault();
});

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
      shouldPersistHeaders={false}
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>{" "}</GraphiQL.Logo>
    </GraphiQL>
  );
}
