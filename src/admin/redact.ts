/** Keeps secrets out of what the admin server shows. */

/** Keys whose values are secrets, in lower case: keys of configurations are matched without regard to case. */
const SECRETS: ReadonlySet<string> = new Set(['private_key', 'token', 'password', 'session_ticket_keys']);
const REDACTED = '[redacted]';

/** A copy of a configuration in which every secret is replaced. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactMember(key, inner)]));
}

function redactMember(key: string, value: unknown): unknown {
  const isSet = value !== '' && value !== null && value !== undefined;
  return isSet && SECRETS.has(key.toLowerCase()) ? REDACTED : redact(value);
}
