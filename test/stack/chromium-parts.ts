/** Chromium, for the tests of the status page; see provision.ts. */
import { hasApt, installPackages, isRoot, onPath } from './debian.ts';
import { alone, type Log, Problems } from './parts.ts';

/** The browser, and letters to write with: a machine without a screen may have none. */
const PACKAGES = ['chromium', 'fonts-dejavu-core'];

/** The `chromium` program, as a full path. Throws {@link MissingParts}. */
export async function provisionChromium(log: Log = () => {}): Promise<string> {
  const found = findChromium();
  return found ?? alone(() => installChromium(log));
}

function findChromium(): string | undefined {
  return onPath('chromium', 'chromium-browser', 'google-chrome');
}

/** Installed, not unpacked as others are: it needs some hundred libraries. */
async function installChromium(log: Log): Promise<string> {
  const how = `install Chromium (${PACKAGES.join(', ')})`;
  if (!hasApt()) throw new Problems([`Chromium: ${how}`]);
  if (!isRoot()) throw new Problems([`Chromium: as root, apt-get install ${PACKAGES.join(' ')}`]);
  log(`installing ${PACKAGES.join(', ')}`);
  await installPackages(PACKAGES).catch((error: Error) => {
    throw new Problems([`Chromium: ${how}. ${error.message}`]);
  });
  const chromium = findChromium();
  if (chromium === undefined) throw new Problems([`Chromium: its package holds no program. ${how}`]);
  return chromium;
}
