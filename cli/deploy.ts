import { setTimeout as sleep } from 'node:timers/promises';
import { type RequestArgs, submitK8sRequest } from '@daasvader/chain/calls.ts';
import { contractEvents } from '@daasvader/chain/submit.ts';
import { Command } from 'commander';
import { parsePort, parseSeconds } from './arguments.ts';
import {
  type DeploymentOptions,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { printJson } from './output.ts';
import { formatRequests, isDone, type RequestRow, readRequests } from './requests.ts';
import { send } from './send.ts';

const POLL_MS = 200;
const DEPLOYMENTS = '/apis/apps/v1/namespaces';
const SERVICES = '/api/v1/namespaces';

interface SubmitOptions extends DeploymentOptions, WalletOptions {
  namespace: string;
  /** Seconds to wait for the outcome; undefined not to wait. */
  wait?: number;
  json?: boolean;
}

interface DeployOptions extends SubmitOptions {
  image: string;
  port: string;
  labels: string;
  service: boolean;
}

/** `daas deploy`: a Deployment, and a Service in front of it, ordered on chain in one transaction. */
export function deployCommand(): Command {
  return submitting(new Command('deploy'))
    .description('order a Deployment and a Service on chain')
    .argument('<name>', 'name of both: a DNS label')
    .requiredOption('--image <reference>', 'container image')
    .option('--port <number>', 'port that the container listens on', parsePort, '80')
    .option('--labels <k=v,…>', 'labels of both; app=<name> when left out', '')
    .option('--no-service', 'no Service')
    .action((name: string, options: DeployOptions) => order(options, requestsToDeploy(name, options)));
}

/** `daas delete`: takes both away again. */
export function deleteCommand(): Command {
  return submitting(new Command('delete'))
    .description('order a Deployment and its Service deleted')
    .argument('<name>', 'name of both')
    .option('--no-service', 'there is no Service')
    .action((name: string, options: SubmitOptions & { service: boolean }) =>
      order(options, requestsToDelete(name, options)),
    );
}

function submitting(command: Command): Command {
  return withJson(
    withWallet(withDeployment(command))
      .option('--namespace <name>', 'your own namespace; default means just that', 'default')
      .option(
        '--wait <seconds>',
        'wait for the outcome; exit 1 unless it is COMPLETED by then',
        parseSeconds,
      ),
  );
}

type Order = Omit<RequestArgs, 'requester'>;

function requestsToDeploy(name: string, { namespace, image, port, labels, service }: DeployOptions): Order[] {
  const common = { method: 'POST', name, labels, namespace, containerName: name, image, port };
  const deployment = { ...common, path: `${DEPLOYMENTS}/${namespace}/deployments` };
  return service ? [deployment, { ...common, path: `${SERVICES}/${namespace}/services` }] : [deployment];
}

function requestsToDelete(
  name: string,
  { namespace, service }: SubmitOptions & { service: boolean },
): Order[] {
  const common = { method: 'DELETE', name, labels: '', namespace, containerName: '', image: '', port: '' };
  const deployment = { ...common, path: `${DEPLOYMENTS}/${namespace}/deployments/${name}` };
  return service
    ? [deployment, { ...common, path: `${SERVICES}/${namespace}/services/${name}` }]
    : [deployment];
}

async function order(options: SubmitOptions, orders: Order[]): Promise<void> {
  const { client, deployment, submitted } = await send(options, (tx, ids, requester) => {
    for (const request of orders) submitK8sRequest(tx, ids, { ...request, requester });
  });
  const ids = contractEvents(submitted, deployment.packageId)
    .filter((event) => event.kind === 'K8sAPIRequestScheduledEvent')
    .map(({ requestId }) => BigInt(requestId));
  const read = () => readRequests(client, deployment, ids);
  const rows = options.wait === undefined ? await read() : await untilDone(read, options.wait);
  report(rows, submitted.digest, options);
}

async function untilDone(read: () => Promise<RequestRow[]>, seconds: number): Promise<RequestRow[]> {
  for (const deadline = Date.now() + seconds * 1000; ; await sleep(POLL_MS)) {
    const rows = await read();
    if (rows.every(isDone) || Date.now() > deadline) return rows;
  }
}

function report(rows: RequestRow[], digest: string, options: SubmitOptions): void {
  if (options.json) printJson({ digest, requests: rows });
  else process.stdout.write(formatRequests(rows));
  if (options.wait !== undefined && rows.some(({ status }) => status !== 'COMPLETED')) process.exitCode = 1;
}
