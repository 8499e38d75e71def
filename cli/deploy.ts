import { type RequestArgs, submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { contractEvents, execute } from '@daasvader/chain/submit.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parsePort, parseSeconds } from './arguments.ts';
import {
  type DeploymentOptions,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { printJson } from './output.ts';
import { formatRequests, isDone, type RequestRow } from './requests.ts';
import { send } from './send.ts';
import { watchRequests } from './watch.ts';

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
export function deployCommand(command: Command): void {
  submitting(command)
    .argument('<name>', 'name of both: a DNS label')
    .requiredOption('--image <reference>', 'container image')
    .option('--port <number>', 'port that the container listens on', parsePort, '80')
    .option('--labels <k=v,…>', 'labels of both; app=<name> when left out', '')
    .option('--no-service', 'no Service')
    .action((name: string, options: DeployOptions) => order(options, requestsToDeploy(name, options)));
}

/** `daas delete`: takes both away again. */
export function deleteCommand(command: Command): void {
  submitting(command)
    .argument('<name>', 'name of both')
    .option('--no-service', 'there is no Service')
    .action((name: string, options: SubmitOptions & { service: boolean }) =>
      order(options, requestsToDelete(name, options)),
    );
}

function submitting(command: Command): Command {
  return withJson(
    withWallet(withDeployment(command))
      .option(
        '--namespace <name>',
        'a namespace of yours, or one where you were given a role; default means your own',
        'default',
      )
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
  const build = (tx: Transaction, ids: ContractIds, requester: string) => {
    for (const request of orders) submitK8sRequest(tx, ids, { ...request, requester });
  };
  const { client, deployment, submitted } = await send(options, build, execute);
  const ids = contractEvents(submitted, deployment.packageId)
    .filter((event) => event.kind === 'K8sAPIRequestScheduledEvent')
    .map(({ requestId }) => BigInt(requestId));
  process.stderr.write(`ordered: ${ids.map((id) => `request ${id}`).join(', ')}\n`);
  const until = options.wait === undefined ? () => true : isDone;
  const rows = await watchRequests({ client, deployment, ids, until, seconds: options.wait });
  report(rows, submitted.digest, options);
}

function report(rows: RequestRow[], digest: string, options: SubmitOptions): void {
  if (options.json) printJson({ digest, requests: rows });
  else process.stdout.write(formatRequests(rows));
  if (options.wait !== undefined && rows.some(({ status }) => status !== 'COMPLETED')) process.exitCode = 1;
}
