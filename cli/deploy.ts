import { submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { applyRequest } from './apply.ts';
import { collect, parsePort } from './arguments.ts';
import { objectOf } from './kube/exchange.ts';
import { prepareOrders } from './kubernetes-orders.ts';
import {
  DEPLOY_MANAGER,
  type DeploymentSpec,
  deploymentObjects,
  type VolumeSpec,
} from './manifests/deployment.ts';
import { findKind } from './manifests/kinds.ts';
import { pathOfObject, tenantObjects } from './manifests/objects.ts';
import { ask, openSession, READ, type Session } from './manifests/session.ts';
import { type WriteOptions, withWrites } from './manifests/write.ts';
import { submitOrders } from './submit-orders.ts';

interface DeployOptions extends WriteOptions, Omit<DeploymentSpec, 'port' | 'labels' | 'volumes'> {
  port?: string;
  labels: string;
  volume?: readonly VolumeSpec[];
  service: boolean;
}

/** `daas deploy`: a Deployment, and a Service in front of it, ordered on chain in one transaction. */
export function deployCommand(command: Command): void {
  withWrites(command)
    .argument('<name>', 'name of both: a DNS label')
    .requiredOption('--image <reference>', 'container image')
    .option('--port <number>', 'port that the container listens on; 80 where it is not known', parsePort)
    .option('--labels <k=v,…>', 'labels of both; app=<name> when left out', '')
    .option('--no-service', 'no Service')
    .option('--env <name=value>', 'environment variable; may be given again', parseVariable)
    .option('--env-from-secret <name>', 'variables that a Secret holds; may be given again', collect)
    .option('--replicas <number>', 'how many pods', parseReplicas)
    .option('--cpu <amount>', 'of a pod, such as 250m or 2')
    .option('--memory <amount>', 'of a pod, such as 256Mi')
    .option('--command <text>', "run instead of the image's own, with its arguments", parseCommand)
    .option('--health <path>', 'a pod is ready once this answers with success', parsePath)
    .option(
      '--volume <name:path:size>',
      'disk that stays, such as data:/data:1Gi; may be given again',
      parseVolume,
    )
    .addHelpText(
      'after',
      '\nWhat it is not told stays as earlier calls said it. For that it asks the control plane at --api; without\n' +
        '--api, options beside image, port and labels replace all that earlier calls said with such options.',
    )
    .action(deploy);
}

function deploy(name: string, options: DeployOptions): Promise<void> {
  // The contract's own arguments say no more than this, and change nothing else.
  const { port, api } = options;
  const isSimple = !hasMore(options) && (port !== undefined || api === undefined);
  return isSimple ? orderSimple(name, options) : orderObjects(name, options);
}

function hasMore({
  env,
  envFromSecret,
  replicas,
  cpu,
  memory,
  command,
  health,
  volume,
}: DeployOptions): boolean {
  return [env, envFromSecret, replicas, cpu, memory, command, health, volume].some(
    (each) => each !== undefined,
  );
}

function orderSimple(name: string, options: DeployOptions): Promise<void> {
  const { namespace = 'default', image, port = '80', labels, service } = options;
  const common = { method: 'POST', name, labels, namespace, containerName: name, image, port };
  const paths = [
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    ...(service ? [`/api/v1/namespaces/${namespace}/services`] : []),
  ];
  return submitOrders(options, (tx, ids, requester) => {
    for (const path of paths) submitK8sRequest(tx, ids, { ...common, path, requester });
  });
}

async function orderObjects(name: string, options: DeployOptions): Promise<void> {
  const { namespace = 'default', port, labels, volume, api } = options;
  const session = await openSession(options);
  const live = api === undefined ? undefined : await readDeployment(session, namespace, name);
  const said: DeploymentSpec = {
    ...options,
    port: port === undefined ? undefined : Number(port),
    labels: labels === '' ? undefined : parseLabels(labels),
    volumes: volume,
  };
  const objects = deploymentObjects(name, said, options.service, live).map((object) => ({
    ...{ file: name, object: object as Record<string, unknown> },
    ...(object as { apiVersion: string; kind: string }),
  }));
  const orders = tenantObjects(objects, namespace).map((each) => ({
    ...applyRequest(each.object, DEPLOY_MANAGER, true),
    path: pathOfObject(each),
  }));
  if (api === undefined)
    process.stderr.write(
      'without --api: what earlier calls said besides image, port and labels is replaced\n',
    );
  await submitOrders(options, await prepareOrders(orders, options), session);
}

/** The Deployment of now; undefined when there is none, and where the user has no role: the chain says what that means. */
async function readDeployment({ wallet, connect }: Session, namespace: string, name: string) {
  const kind = findKind('apps/v1', 'Deployment')!;
  const answer = await ask(await connect(), wallet, { file: '', kind, namespace, name, object: {} }, READ);
  return [403, 404].includes(answer.status)
    ? undefined
    : objectOf(answer, `Cannot read the Deployment ${name}`);
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(text.split(',').map((pair) => splitPair(pair, 'Write labels as k=v,k2=v2.')));
}

function parseVariable(text: string, variables: Record<string, string> = {}): Record<string, string> {
  const [name, value] = splitPair(text, 'Write it as NAME=value.');
  return { ...variables, [name]: value };
}

function splitPair(text: string, problem: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InvalidArgumentError(problem);
}

function parseReplicas(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of pods.');
}

function parsePath(text: string): string {
  if (text.startsWith('/')) return text;
  throw new InvalidArgumentError('It is not a path: it begins with /.');
}

function parseVolume(text: string, volumes: readonly VolumeSpec[] = []): VolumeSpec[] {
  const [, name, path, size] = /^([a-z0-9-]{1,63}):(\/[^:]*):([0-9.]+[A-Za-z]*)$/.exec(text) ?? [];
  if (name === undefined || path === undefined || size === undefined)
    throw new InvalidArgumentError('Write it as name:/path:size, such as data:/data:1Gi.');
  return [...volumes, { name, path, size }];
}

const WORD = /(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs;
const QUOTED = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs;

/** Words as a shell has them: between blanks, with quotes around those that hold some. Nothing is expanded. */
export function parseCommand(text: string): string[] {
  const words = text.match(WORD) ?? [];
  if (words.length === 0 || text.replace(WORD, '').trim() !== '')
    throw new InvalidArgumentError('It is not a command: it is empty, or a quote is open.');
  return words.map((word) =>
    word.replace(QUOTED, (_, single?: string, double?: string, escaped?: string) => {
      return single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? '';
    }),
  );
}
