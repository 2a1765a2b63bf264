import { ledgerContract } from './contract.ts';
import { fileHarness, memoryHarness } from './sqlite-harness.ts';

ledgerContract('SQLite in a file', fileHarness, { durable: true });
ledgerContract('SQLite in memory', memoryHarness, { durable: false });
