/** A time as the API shows it: RFC 3339, UTC, milliseconds. */
export function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function time(epochMs: number | null): string | null {
  return epochMs === null ? null : rfc3339(epochMs);
}

/** Date and time with an offset. */
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Epoch milliseconds of an RFC 3339 text; NaN for anything else. */
export function parseRfc3339(text: string): number {
  const [, year, month, day] = RFC3339.exec(text) ?? [];
  // Date.parse takes the 31st of February for the 3rd of March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCDate() === Number(day) ? Date.parse(text.replace(' ', 'T').toUpperCase()) : Number.NaN;
}
