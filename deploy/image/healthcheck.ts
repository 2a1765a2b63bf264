/**
 * The image's HEALTHCHECK: exit status 0 when `/livez` answers 200 within three seconds, else 1 with the reason.
 *
 * `CONNECT_MEDIC_HEALTH_URL` names another address where `server.port` or `server.tls` are set; default
 * `http://127.0.0.1:9099/livez`. A listener that asks for client certificates cannot be checked this way: disable the
 * health check there (`--no-healthcheck`).
 */
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const TIMEOUT_MS = 3_000;

const url = process.env['CONNECT_MEDIC_HEALTH_URL'] ?? 'http://127.0.0.1:9099/livez';
// It asks this container's own listener, whose certificate names another host.
const options = { agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(TIMEOUT_MS) };
const request = (url.startsWith('https:') ? getHttps : getHttp)(url, options, (response) => {
  response.resume();
  if (response.statusCode !== 200) fail(`${url} answers ${response.statusCode}`);
});
request.once('error', (error) => fail(`${url}: ${error.message}`));

function fail(reason: string): void {
  process.stderr.write(`${reason}\n`);
  process.exitCode = 1;
}
