import { ledgerModel } from './model.ts';
import { fileHarness, memoryHarness } from './sqlite-harness.ts';

ledgerModel('SQLite in a file', fileHarness, { durable: true });
ledgerModel('SQLite in memory', memoryHarness, { durable: false });
