import { type Document, parseAllDocuments, type Tags } from 'yaml';
import { z } from 'zod';
import { CliError } from '../error.ts';
import { readManifestFiles } from './files.ts';

const MAX_OBJECTS = 1_000;
/** Of what is read, with each alias spelled out. */
const MAX_CHARACTERS = 16 << 20;
/** Of YAML 1.1 what kubectl does not know: dates and numbers to the base 60 are texts to it. */
const FOREIGN_TAGS = /:(?:timestamp|binary|omap|pairs|set)$/;

/** An object as somebody wrote it down; nothing of it is checked but that it has a kind. */
export interface Manifest {
  /** `-` for standard input. */
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: Readonly<Record<string, unknown>>;
}

const typed = z.looseObject({ apiVersion: z.string().min(1), kind: z.string().min(1) });
const listed = z.looseObject({ items: z.array(z.unknown()) });

/**
 * Reads manifests as kubectl does: YAML or JSON, many documents in a file, and lists.
 *
 * @param files their names, as {@link readManifestFiles} takes them
 * @throws CliError `file` naming the file and what is wrong with it
 */
export async function readManifests(files: readonly string[]): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const { name, text } of await readManifestFiles(files)) {
    manifests.push(...parseManifests(name, text));
    if (manifests.length > MAX_OBJECTS)
      throw new CliError('file', `Cannot use so many manifests at once: more than ${MAX_OBJECTS} objects`);
  }
  if (manifests.length > 0) return manifests;
  throw new CliError('file', `Cannot find a manifest in ${files.join(', ')}: there is no object`);
}

/** @throws CliError `file` */
export function parseManifests(file: string, text: string): Manifest[] {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    customTags: (tags: Tags) => tags.filter((tag) => typeof tag === 'string' || !isForeign(tag)),
    intAsBigInt: true,
    prettyErrors: true,
  });
  return [...documents].flatMap((document) => objectsOf(file, read(file, document)));
}

function isForeign({ tag, format }: { tag: string; format?: string }): boolean {
  return FOREIGN_TAGS.test(tag) || format === 'TIME';
}

function read(file: string, document: Document.Parsed): unknown {
  try {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    let left = MAX_CHARACTERS;
    return document.toJS({
      maxAliasCount: MAX_OBJECTS,
      reviver: (key, value) => {
        left -= 1 + String(key).length + (typeof value === 'string' ? value.length : 0);
        if (left < 0) throw new RangeError('its aliases make it too large');
        return typeof value === 'bigint' || typeof value === 'number' ? numberOf(value) : value;
      },
    });
  } catch (cause) {
    const [line] = (cause as Error).message.split('\n');
    throw new CliError('file', `Cannot read ${file}: ${line}`, { cause });
  }
}

/** JSON has neither infinity, and numbers that are rounded would say something else than the file. */
function numberOf(value: number | bigint): number {
  if (typeof value === 'number' ? Number.isFinite(value) : Number.isSafeInteger(Number(value)))
    return Number(value);
  throw new RangeError(`${value} is no number that JSON holds; write it in quotes`);
}

function objectsOf(file: string, value: unknown): Manifest[] {
  if (value === null || value === undefined) return []; // nothing between two lines of ---
  const object = typed.safeParse(value);
  if (!object.success) throw new CliError('file', `Cannot use ${file}: ${describeOther(value)}`);
  const { apiVersion, kind } = object.data;
  const list = kind.endsWith('List') ? listed.safeParse(value) : undefined;
  if (!list?.success) return [{ file, apiVersion, kind, object: object.data }];
  // What is in a list of one kind need not say which.
  const implied = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return list.data.items.flatMap((item) => objectsOf(file, isObject(item) ? { ...implied, ...item } : item));
}

/** What it is that somebody took for a manifest. */
function describeOther(value: unknown): string {
  if (!isObject(value)) return 'it is not an object of Kubernetes';
  if (isObject(value.services) && 'profiles' in value && 'deployment' in value)
    return 'it is an Akash SDL file; write it as manifests of Kubernetes, or order its images with daas deploy';
  if (isObject(value.services))
    return 'it is a Compose file; write it as manifests of Kubernetes (kompose convert does), or order its images with daas deploy';
  return 'an object of Kubernetes needs apiVersion and kind';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
