/**
 * Makes the connectors of docker-compose.yml, those of `npm run demo`: two that work, one that fails until its directory is made,
 * and one that no restart can mend. `CONNECT_URL` is any worker's REST URL. Runs in a container, with `/data` shared with
 * the workers.
 */
import { writeFile } from 'node:fs/promises';
import { ConnectClient } from '../../test/stack/connect.ts';
import { fileSink, fileSource, jsonSink } from '../../test/stack/connectors.ts';

const url = process.env['CONNECT_URL'] ?? 'http://127.0.0.1:8083';
const connect = new ConnectClient(() => [url]);

await writeFile('/data/orders.txt', 'order 1\norder 2\norder 3\n');
await connect.put('orders-source', fileSource('/data/orders.txt', 'orders'));
await connect.put('orders-sink', fileSink('/data/orders-copy.txt', 'orders'));
for (const name of ['orders-source', 'orders-sink']) await connect.waitForState(name, 'RUNNING');
// Its directory is missing: docker compose exec connect-1 mkdir /data/invoices
await connect.put('invoices-sink', fileSink('/data/invoices/out.txt', 'orders'));
// It expects JSON and gets plain text.
await connect.put('payments-sink', jsonSink('/data/payments.txt', 'orders'));
console.log('four connectors are made; invoices-sink and payments-sink fail');
