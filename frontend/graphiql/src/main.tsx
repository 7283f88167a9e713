// The page: a bar with the session, the log-in form where it is needed, and GraphiQL below.

import "./nonce";
import { Suspense, lazy, useCallback, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { LoginForm } from "./login";
import { page } from "./page";
import { type Session, forget, logOut, restore } from "./session";

const Workbench = lazy(() => import("./workbench"));
const TITLE = `${page.schema === "admin" ? "Admin" : "Partner"} GraphQL`;
const ENDED = "Your session has ended: log in again.";

function Shell({ restored }: { restored: Session | null }) {
  const [session, setSession] = useState(restored);
  const [note, setNote] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);

  const onLogin = useCallback((opened: Session) => {
    setSession(opened);
    setNote(null);
    setAsking(false);
  }, []);
  const onEnded = useCallback(() => {
    forget();
    setSession(null);
    setNote(ENDED);
    setAsking(true);
  }, []);

  function leave(ending: Session) {
    setSession(null);
    // It is forgotten here in any case; a server that is away lets it expire.
    logOut(ending).catch(() => undefined);
  }

  const form = <LoginForm note={note} onLogin={onLogin} />;
  const locked = !page.open && !session;
  return (
    <>
      <header className="bar">
        <a href="/">Tributary</a>
        <h1>{TITLE}</h1>
        {session && (
          <>
            <span className="who">
              {session.name} <small>{session.role.toLowerCase().replace("_", " ")}</small>
            </span>
            <button type="button" onClick={() => leave(session)}>
              Log out
            </button>
          </>
        )}
        {!session && page.open && (
          <button type="button" aria-expanded={asking} onClick={() => setAsking(!asking)}>
            Log in
          </button>
        )}
      </header>
      {asking && !locked && !session && <aside className="sheet">{form}</aside>}
      {locked ? (
        <main className="gate">
          <h2>Log in to use {TITLE}</h2>
          {form}
        </main>
      ) : (
        <main className="work">
          <Suspense fallback={<p className="loading">Loading GraphiQL …</p>}>
            <Workbench session={session} onEnded={onEnded} />
          </Suspense>
        </main>
      )}
    </>
  );
}

function Page() {
  const [restored, setRestored] = useState<Session | null>();
  useEffect(() => {
    restore().then(setRestored);
  }, []);
  return restored === undefined ? null : <Shell restored={restored} />;
}

const root = document.getElementById("page");
if (root) createRoot(root).render(<Page />);
