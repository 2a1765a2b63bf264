import { describe } from 'node:test';
import { alertmanagersMayBeCutOff } from './alertmanagers.ts';
import { descriptorsMayRunOut } from './descriptors.ts';
import { theDiskMayFail } from './disk.ts';
import { theServiceMayBeKilled } from './killed.ts';

/** Much of the time they wait; the killed one alone keeps a core busy with starting. */
const AT_ONCE = 3;

describe('faults around one process', { concurrency: AT_ONCE, timeout: 1_200_000 }, () => {
  // The longest first.
  theServiceMayBeKilled();
  alertmanagersMayBeCutOff();
  theDiskMayFail();
  descriptorsMayRunOut();
});
