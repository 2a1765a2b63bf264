import { isIPv4 } from 'node:net';
import { checkCredentials, checkFile, type Reading, type Secrets, takeSecret } from './credentials.ts';
import { parseMatcher } from './matcher.ts';
import type { RawConfig } from './schema.ts';
import { overrideLabels } from './schema-policy.ts';
import { checkTlsFiles } from './tls-files.ts';

/**
 * What one key alone does not show: contradictions between keys, and files that are named and cannot be read or used. Keys that
 * have a problem of their own are left out. Returns the secrets that were found on the way.
 */
export function checkConfig(raw: RawConfig, reading: Reading): Secrets {
  const secrets: Secrets = new Map();
  checkServer(raw, secrets, reading);
  const { url, urlFile } = raw.ledger;
  takeSecret({ inline: url, file: urlFile }, 'ledger.url', 'ledger', secrets, reading);
  raw.alertmanagers.forEach((alertmanager, index) => {
    checkClient(alertmanager, `alertmanagers[${index}]`, secrets, reading);
  });
  raw.clusters.forEach((cluster, index) => {
    checkClient(cluster, `clusters[${index}]`, secrets, reading);
  });
  checkUnique(raw.clusters, 'clusters', reading);
  checkLabels(raw, reading);
  checkOverrides(raw, reading);
  checkFile(raw.diagnosisFile, 'diagnosisFile', reading);
  return secrets;
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host.toLowerCase() === 'localhost' || /^(?:0{0,4}:){2,7}0{0,3}1$/.test(host);
}

function checkServer({ server }: RawConfig, secrets: Secrets, reading: Reading): void {
  const { host, auth, tls } = server;
  if (!isLoopback(host) && (auth === undefined || auth.length === 0)) {
    reading.findings.contradiction(
      'server.auth',
      ['server.host'],
      'a list of callers, or none said explicitly, since server.host is not loopback',
      auth,
    );
  }
  if (auth !== undefined && auth !== 'none') {
    auth.forEach((entry, index) => {
      checkCredentials(entry, `server.auth[${index}]`, secrets, reading);
    });
    checkUnique(auth, 'server.auth', reading);
  }
  if (tls === undefined) return;
  const { certFile, keyFile } = tls;
  checkPair(certFile, keyFile, 'server.tls', reading);
  if (certFile === undefined && keyFile === undefined) {
    const involved = ['server.tls.certFile', 'server.tls.keyFile'];
    reading.findings.contradiction('server.tls', involved, 'certFile and keyFile');
  }
  checkTlsFiles(tls, 'server.tls', reading);
}

function checkClient(
  { auth, tls }: Pick<RawConfig['clusters'][number], 'auth' | 'tls'>,
  path: string,
  secrets: Secrets,
  reading: Reading,
): void {
  if (auth !== undefined) checkCredentials(auth, `${path}.auth`, secrets, reading);
  if (tls === undefined) return;
  checkPair(tls.certFile, tls.keyFile, `${path}.tls`, reading);
  checkTlsFiles(tls, `${path}.tls`, reading);
}

function checkPair(
  certFile: string | undefined,
  keyFile: string | undefined,
  path: string,
  { findings }: Reading,
): void {
  if ((certFile === undefined) === (keyFile === undefined)) return;
  const [absent, given] = certFile === undefined ? ['certFile', 'keyFile'] : ['keyFile', 'certFile'];
  findings.contradiction(`${path}.${absent}`, [`${path}.${given}`], `a file, since ${given} is given`);
}

function checkUnique(named: readonly { readonly name: string }[], path: string, { findings }: Reading): void {
  const first = new Map<string, number>();
  named.forEach(({ name }, index) => {
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else {
      const expected = `a name of its own (${path}[${before}] has this one)`;
      findings.contradiction(`${path}[${index}].name`, [`${path}[${before}].name`], expected, name);
    }
  });
}

function checkLabels({ clusters, labels }: RawConfig, { findings }: Reading): void {
  if (clusters.length > 1 && labels.cluster === '') {
    findings.contradiction(
      'labels.cluster',
      ['clusters'],
      'a label name, since there are several clusters',
      '',
    );
  }
  for (const [name, other] of [
    ['connector', 'cluster'],
    ['task', 'cluster'],
    ['task', 'connector'],
  ] as const) {
    if (labels[name] === labels[other]) {
      const expected = `another label than labels.${other}`;
      findings.contradiction(`labels.${name}`, [`labels.${other}`], expected, labels[name]);
    }
  }
}

function checkOverrides({ overrides }: RawConfig, reading: Reading): void {
  overrides.forEach(({ match }, index) => {
    match.forEach((text, at) => {
      const path = `overrides[${index}].match[${at}]`;
      if (reading.findings.isBad(path)) return;
      const { name } = parseMatcher(text);
      if (overrideLabels.some((known) => known === name)) return;
      const expected = `a matcher over ${overrideLabels.join(' or ')}`;
      reading.findings.contradiction(path, [], expected, text);
    });
  });
}
