import * as Type from 'typebox/type';

/** What a string has to be; each kind is checked in kinds.ts and explained in the documentation. */
export type Kind =
  | 'text'
  | 'name'
  | 'host'
  | 'path'
  | 'url'
  | 'ledger'
  | 'duration'
  | 'percent'
  | 'matcher'
  | 'label'
  | 'prefix'
  | 'username'
  | 'token'
  | 'password'
  | 'choice';

/** The keywords that schemas here carry beside those of JSON Schema. */
export interface Keywords {
  /** Meaning, unit and consequence: what the documentation says. */
  readonly description: string;
  /** Taken where the key is absent. */
  readonly default?: unknown;
  /** As `default`, for the documentation only: the compile step gives it, since it has to tell absent from given. */
  readonly implied?: string;
  /** A word that is accepted instead of a value: `off`, `auto`, `none`. */
  readonly word?: string;
  /** `0s` means the word. */
  readonly zeroIsWord?: boolean;
  /** The value is shown nowhere. */
  readonly secret?: boolean;
  /** Holds secrets: a value of the wrong shape may be one that slipped, and is not shown. */
  readonly holdsSecrets?: boolean;
  /** Smallest and largest duration, milliseconds. */
  readonly minMs?: number;
  readonly maxMs?: number;
  readonly choices?: readonly string[];
  /** The empty string is a value. */
  readonly mayBeEmpty?: boolean;
  /** Absent keys stay absent, below as well: the section is laid over another one. */
  readonly partial?: boolean;
}

/** A schema as the walk and the documentation see it. */
export type Node = Keywords & {
  readonly '~optional'?: true;
  readonly kind?: Kind;
} & (
    | { readonly type: 'object'; readonly properties: Readonly<Record<string, Node>> }
    | { readonly type: 'array'; readonly items: Node; readonly minItems?: number; readonly maxItems: number }
    | { readonly type: 'string'; readonly maxLength: number }
    | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number }
    | { readonly type: 'boolean' }
  );

/** The one place where a TypeBox schema is taken for a `Node`: everything below was made by the builders of this file. */
export function nodeOf(schema: Type.TSchema): Node {
  return schema as Node;
}

const TEXT_AT_MOST = 1_000;

/** A string of a kind. */
export function string(kind: Kind, keywords: Keywords): Type.TString {
  return Type.String({ kind, maxLength: TEXT_AT_MOST, ...keywords });
}

/** A key without a default that may be absent. */
export function optional<T extends Type.TSchema>(schema: T) {
  return Type.Optional(schema);
}

/** A duration, as a string; see duration.ts. */
export function duration(keywords: Keywords): Type.TString {
  return string('duration', { minMs: 1, ...keywords });
}

/** One of a few words. */
export function choice<const T extends string>(choices: readonly T[], keywords: Keywords) {
  return Type.Unsafe<T>(string('choice', { ...keywords, choices }));
}

/** A whole number in a range. */
export function integer(minimum: number, maximum: number, keywords: Keywords): Type.TInteger {
  return Type.Integer({ minimum, maximum, ...keywords });
}

/** A whole number in a range, or a word. */
export function integerOr<const W extends string>(
  word: W,
  minimum: number,
  maximum: number,
  keywords: Keywords,
) {
  return Type.Unsafe<number | W>(integer(minimum, maximum, { ...keywords, word }));
}

/** `true` or `false`. */
export function boolean(keywords: Keywords): Type.TBoolean {
  return Type.Boolean({ ...keywords });
}

/** A list. */
export function list<T extends Type.TSchema>(
  items: T,
  keywords: Keywords & { readonly minItems?: number; readonly maxItems: number },
) {
  return Type.Array(items, { ...keywords });
}

/** A list, or a word. */
export function listOr<T extends Type.TSchema, const W extends string>(
  word: W,
  items: T,
  keywords: Keywords & { readonly maxItems: number },
) {
  return Type.Unsafe<Type.Static<T>[] | W>(list(items, { ...keywords, word }));
}

/** A mapping of known keys. */
export function section<P extends Type.TProperties>(properties: P, keywords: Keywords) {
  return Type.Object(properties, { additionalProperties: false, ...keywords });
}

/** A mapping that is laid over another one key by key: nothing has a default in it. */
export function overlay<P extends Type.TProperties>(properties: P, keywords: Keywords) {
  return Type.Unsafe<PartialDeep<Type.Static<Type.TObject<P>>>>(
    section(properties, { ...keywords, partial: true }),
  );
}

/** Every key may be absent, at every depth of mappings. */
export type PartialDeep<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: PartialDeep<T[K]> }
    : T;

/** A secret under its own key, and the same from a file under `…File`. */
export function secret<const N extends string>(
  name: N,
  kind: Kind,
  keywords: Keywords,
): { [K in N | `${N}File`]: Type.TOptional<Type.TString> } {
  const pair = {
    [name]: optional(string(kind, { ...keywords, secret: true })),
    [`${name}File`]: optional(
      string('path', {
        description: `File with the value of \`${name}\`, read again when it changes. Not both.`,
      }),
    ),
  };
  // Computed keys widen to an index signature; these are exactly the two.
  return pair as { [K in N | `${N}File`]: Type.TOptional<Type.TString> };
}
