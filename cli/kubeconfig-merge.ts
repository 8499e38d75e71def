import { mkdir, open, realpath, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Document, isMap, isSeq, parseDocument, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { CliError } from './error.ts';
import { readText } from './file.ts';
import { KUBECONFIG_MARK, writeKubeconfig } from './kubeconfig-file.ts';

const LOCK_TIMEOUT_MS = 5_000;
const LOCK_POLL_MS = 20;
/**
 * Every scalar of others is text that stays as it is: as a number, an address that kubectl wrote without quotes would
 * lose its digits.
 */
const SCHEMA = { schema: 'failsafe' } as const;
/** kubectl reads YAML 1.1, where a bare `no` or `1e3`, both good names of a namespace, are no text. */
const WRITTEN = { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 } as const;
const KINDS = ['clusters', 'users', 'contexts'] as const;

const TRUE = Object.assign(new Scalar('true'), { type: Scalar.PLAIN });

/** Where Kubernetes is. */
export interface ClusterEntry {
  server: string;
  /** PEM. */
  ca: string;
}

/** A context of ours; its cluster and its user have the same name. */
export interface ContextEntry {
  name: string;
  cluster: ClusterEntry;
  /** How kubectl runs `daas credential`, which it tells of the cluster; its values are text. */
  exec: { command: string; args: readonly string[] } & Record<string, unknown>;
  /** The one to begin in. */
  namespace: string;
  /** Of those the one that a person has chosen since stays. */
  namespaces: readonly string[];
}

/**
 * Puts a context into a kubeconfig, in place of one of that name that we wrote before. Everything else stays as it is;
 * it becomes the current context only where there is none.
 *
 * @returns the current context
 * @throws CliError `file` when it cannot be done without losing what others wrote
 */
export function mergeContext(file: string, entry: ContextEntry): Promise<string> {
  return change(file, (config) => {
    if (has(config, entry.name) && !isOurs(config, entry.name)) throw taken(file, entry.name);
    const { name, exec } = entry;
    const chosen = contextNamespace(config, name);
    const namespace = chosen !== undefined && entry.namespaces.includes(chosen) ? chosen : entry.namespace;
    put(config, 'clusters', name, { name, cluster: clusterOf(entry.cluster) });
    put(config, 'users', name, { name, user: { exec: { ...exec, provideClusterInfo: TRUE } } });
    put(config, 'contexts', name, { name, context: { cluster: name, user: name, namespace } });
    if (isNothing(config.get('current-context'))) config.set('current-context', config.createNode(name));
    return String(config.get('current-context'));
  });
}

/**
 * Says in a context of ours where Kubernetes is now.
 *
 * @throws CliError `file` also when the context is not there, or not ours
 */
export function renewCluster(file: string, name: string, cluster: ClusterEntry): Promise<void> {
  return change(file, (config) => {
    if (!isOurs(config, name))
      throw refused(file, `it has no context ${name} of ours; write one with daas kubeconfig`);
    put(config, 'clusters', name, { name, cluster: clusterOf(cluster) });
  });
}

async function change<T>(file: string, how: (config: Document) => T): Promise<T> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw refused(file, cause.message, cause);
  });
  return locked(file, async () => {
    const config = read(file, (await exists(file)) ? await readText(file, 'the kubeconfig') : '');
    const result = how(config);
    await writeKubeconfig(file, config.toString(WRITTEN));
    return result;
  });
}

/** Holds the lock that kubectl too holds while it changes a kubeconfig: client-go, clientcmd, lockFile. */
async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  for (const deadline = Date.now() + LOCK_TIMEOUT_MS; ; await sleep(LOCK_POLL_MS)) {
    const opened = await open(lock, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => cause);
    if (!(opened instanceof Error)) {
      await opened.close();
      break;
    }
    if (opened.code !== 'EEXIST') throw refused(file, opened.message, opened);
    if (Date.now() > deadline)
      throw refused(file, `another program changes it; if none does, remove ${lock}`, opened);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return realpath(file).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw refused(file, cause.message, cause);
    },
  );
}

function read(file: string, text: string): Document {
  if (text.startsWith(KUBECONFIG_MARK))
    throw refused(
      file,
      'daas kubeconfig --static wrote it and replaces it whole; give --kubeconfig another file',
    );
  if (text.trim() === '') return new Document({ apiVersion: 'v1', kind: 'Config' }, SCHEMA);
  const config = parseDocument(text, SCHEMA);
  const [problem] = config.errors;
  // What the parser says quotes the file, where secrets are.
  if (problem !== undefined)
    throw refused(file, `it is not YAML (${problem.code}); mend it, or give --kubeconfig another`);
  const isConfig = isMap(config.contents) && [undefined, 'Config'].includes(config.get('kind') as string);
  if (!isConfig) throw refused(file, 'it is not a kubeconfig; give --kubeconfig another file');
  for (const kind of KINDS)
    if (!isSeq(listOf(config, kind))) throw refused(file, `its ${kind} are not a list`);
  return config as Document;
}

/** The list of that kind, which is made where there is none. */
function listOf(config: Pick<Document, 'get' | 'set' | 'createNode'>, kind: (typeof KINDS)[number]): unknown {
  if (isNothing(config.get(kind))) config.set(kind, config.createNode([]));
  return config.get(kind);
}

/** What YAML has for null, as text. */
function isNothing(value: unknown): boolean {
  return value == null || value === '' || value === '~' || value === 'null';
}

function find(config: Document, kind: (typeof KINDS)[number], name: string): YAMLMap | undefined {
  const list = listOf(config, kind) as YAMLSeq;
  return list.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === name);
}

function put(config: Document, kind: (typeof KINDS)[number], name: string, value: object): void {
  const list = listOf(config, kind) as YAMLSeq;
  const found = find(config, kind, name);
  const node = config.createNode(value);
  if (found === undefined) list.items.push(node);
  else list.items[list.items.indexOf(found)] = node;
}

function has(config: Document, name: string): boolean {
  return KINDS.some((kind) => find(config, kind, name) !== undefined);
}

/** Whether the user of that name runs `daas credential`. */
function isOurs(config: Document, name: string): boolean {
  const user = find(config, 'users', name);
  const command = user?.getIn(['user', 'exec', 'command']);
  return /(^|\/)daas$/.test(String(command)) && user?.getIn(['user', 'exec', 'args', 0]) === 'credential';
}

function contextNamespace(config: Document, name: string): string | undefined {
  const namespace = find(config, 'contexts', name)?.getIn(['context', 'namespace']);
  return typeof namespace === 'string' ? namespace : undefined;
}

function clusterOf({ server, ca }: ClusterEntry): object {
  return { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
}

function taken(file: string, name: string): CliError {
  return refused(file, `what is called ${name} there is not ours; give --context another name`);
}

function refused(file: string, why: string, cause?: unknown): CliError {
  return new CliError('file', `Cannot change ${file}: ${why}`, { cause });
}
