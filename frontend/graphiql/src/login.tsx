// The log-in form: e-mail, password, and the code when 2FA is on.

import { type FormEvent, useRef, useState } from "react";
import { LoginRefused, type Session, logIn } from "./session";

interface Properties {
  // Why the form is shown again, if it is.
  note: string | null;
  onLogin: (session: Session) => void;
}

export function LoginForm({ note, onLogin }: Properties) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [asksCode, setAsksCode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  const codeField = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setMessage(null);
    try {
      onLogin(await logIn(email, password, asksCode ? code : ""));
    } catch (error) {
      setBusy(false);
      if (error instanceof LoginRefused && error.code === "OTP_REQUIRED" && !asksCode) {
        setAsksCode(true);
        setMessage("Two-factor authentication is on: enter the code of your authenticator app.");
        requestAnimationFrame(() => codeField.current?.focus());
        return;
      }
      setMessage(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <form className="login" aria-label="Log in" onSubmit={submit}>
      <label>
        E-mail
        <input
          name="email"
          type="email"
          autoComplete="username"
          autoFocus
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </label>
      {asksCode && (
        <label>
          Code
          <input
            ref={codeField}
            name="otp"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        </label>
      )}
      <p className="message" role="status">
        {message ?? note}
      </p>
      <button type="submit" disabled={busy}>
        {busy ? "Logging in …" : "Log in"}
      </button>
    </form>
  );
}
