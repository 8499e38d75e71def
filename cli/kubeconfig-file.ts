import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError } from './error.ts';

/** The name that the control plane gives to cluster and context; a user is named after its address. */
const entry = z
  .strictObject({ name: z.literal('daasvader'), cluster: z.unknown(), context: z.unknown() })
  .partial({ cluster: true, context: true });
const user = z.strictObject({
  name: z.string(),
  user: z.strictObject({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }),
});

/** A kubeconfig with nothing in it but what we write. */
const ours = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Config'),
  clusters: z.tuple([entry]),
  users: z.tuple([user]),
  contexts: z.tuple([entry]),
  'current-context': z.literal('daasvader'),
});

/**
 * Makes sure that writing a kubeconfig loses nothing of anybody else: there is no such file, it is empty, or it holds
 * only what we wrote before.
 *
 * @throws CliError `file`, saying how to use both
 */
export async function keepOthers(file: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new CliError('file', `Cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
  if (text.trim() === '' || ours.safeParse(parseYaml(text)).success) return;
  const advice = `give --out another file, and kubectl both with KUBECONFIG=${file}:FILE`;
  throw new CliError('file', `Cannot write ${file}: it holds what daas did not write; ${advice}`);
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined; // whatever it is, it is not ours
  }
}
