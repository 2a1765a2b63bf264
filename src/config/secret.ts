import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';

/** A value that is shown nowhere: only `reveal` gives it. */
export interface Secret {
  /** The value. One from a file is read again when the file has changed; what cannot be read keeps its last value. */
  reveal(): string;
}

/** How files are read; tests give their own. */
export interface FileAccess {
  /** The text of a file. Throws what `node:fs` throws. */
  readonly read: (path: string) => string;
  /** Something that changes when the file does. Throws when there is none. */
  readonly version: (path: string) => string;
}

/** No configuration, secret or certificate is larger. */
const FILE_BYTES_AT_MOST = 1024 * 1024;

/** The real file system. */
export const realFiles: FileAccess = {
  read: (path) => {
    if (statSync(path).size > FILE_BYTES_AT_MOST) {
      throw Object.assign(new Error('larger than 1 MiB'), { code: 'EFBIG' });
    }
    return readFileSync(path, 'utf8');
  },
  version: (path) => {
    // The inode as well: a mounted secret is swapped by a symbolic link, possibly within one tick of the clock.
    const { mtimeMs, ino, size } = statSync(path);
    return `${mtimeMs}:${ino}:${size}`;
  },
};

const SHOWN = '***';

/** Shows as `***` however it is printed; the value is in a private field, which neither JSON nor inspect reaches. */
abstract class Hidden implements Secret {
  abstract reveal(): string;

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

class FixedSecret extends Hidden {
  readonly #value: string;

  constructor(value: string) {
    super();
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }
}

class FileSecret extends Hidden {
  readonly #path: string;
  readonly #files: FileAccess;
  readonly #isValid: (value: string) => boolean;
  #version: string;
  #value: string;

  constructor(path: string, files: FileAccess, isValid: (value: string) => boolean) {
    super();
    this.#path = path;
    this.#files = files;
    this.#isValid = isValid;
    // The version before the text: a change in between is then seen at the next call, not missed.
    this.#version = versionOf(path, files);
    this.#value = trimNewline(files.read(path));
  }

  reveal(): string {
    try {
      const version = this.#files.version(this.#path);
      if (version !== this.#version) {
        const value = trimNewline(this.#files.read(this.#path));
        // Empty while it is being written: the old value is the better guess, and it is read again next time.
        if (this.#isValid(value)) {
          this.#value = value;
          this.#version = version;
        }
      }
    } catch {
      // Gone for the moment of a rotation: the last value may still be accepted, none surely is not.
    }
    return this.#value;
  }
}

function versionOf(path: string, files: FileAccess): string {
  try {
    return files.version(path);
  } catch {
    return '';
  }
}

/** A file ends with a newline, a secret does not. */
function trimNewline(text: string): string {
  return text.replace(/(?:\r?\n)+$/, '');
}

/** A secret that is written in the configuration or came from the environment. */
export function secretOf(value: string): Secret {
  return new FixedSecret(value);
}

/** A secret kept in a file, read now. Throws what reading throws. A later content that is not valid is not taken over. */
export function secretFromFile(
  path: string,
  files: FileAccess,
  isValid: (value: string) => boolean = (value) => value !== '',
): Secret {
  return new FileSecret(path, files, isValid);
}
