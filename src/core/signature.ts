import { type Masked, maskMessage } from './mask.ts';
import type { Thrown } from './trace.ts';

/** The class without its package: short, and bounded enough to be a metric's label. */
export function simpleClassName(className: string): string {
  return className.slice(className.lastIndexOf('.') + 1).slice(0, 80);
}

/** The masked message of an exception. */
export function maskThrown(thrown: Thrown): Masked {
  return maskMessage(thrown.message, simpleClassName(thrown.class) === 'UnknownHostException');
}

/**
 * A short stable text that failures of one cause share: `SocketTimeoutException-3f2a…`. It covers the class, the masked
 * message, the addresses that were masked in it, and the connector's class. So two connectors that fail at one database
 * have the same signature, whatever their offsets and identifiers; two databases have two.
 */
export function signatureOf(root: Thrown, connectorClass: string | null): string {
  const { text, hosts } = maskThrown(root);
  // Which kind of number an identifier looks like is chance: `1234abcd` and `12345678` are the same thing here.
  const stable = text.replace(/(?:<(?:n|id|time)>[-.,:+/ ]{0,3})+/g, '<n>');
  const covered = [root.class, stable, hosts.join(' '), connectorClass ?? ''].join('\n');
  return `${simpleClassName(root.class)}-${hash53(covered)}`;
}

/**
 * A hash of 53 bits as 14 hexadecimal digits (cyrb53, public domain). It groups failures and protects nothing: two causes
 * that collide share their probes.
 */
function hash53(text: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2_654_435_761);
    low = Math.imul(low ^ unit, 1_597_334_677);
  }
  const mixedHigh =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  const mixedLow =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(mixedHigh ^ (mixedHigh >>> 13), 3_266_489_909);
  const value = 4_294_967_296 * (2_097_151 & mixedLow) + (mixedHigh >>> 0);
  return value.toString(16).padStart(14, '0');
}
