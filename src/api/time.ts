/** A time as the API shows it: RFC 3339, UTC, milliseconds. */
export function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function time(epochMs: number | null): string | null {
  return epochMs === null ? null : rfc3339(epochMs);
}
