import { type RequestArgs, submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import type { Command } from 'commander';
import { parsePort } from './arguments.ts';
import { type SubmitOptions, submitOrders, submitting } from './submit-orders.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces';
const SERVICES = '/api/v1/namespaces';

interface DeployOptions extends SubmitOptions {
  namespace: string;
  image: string;
  port: string;
  labels: string;
  service: boolean;
}

/** `daas deploy`: a Deployment, and a Service in front of it, ordered on chain in one transaction. */
export function deployCommand(command: Command): void {
  inNamespace(command)
    .argument('<name>', 'name of both: a DNS label')
    .requiredOption('--image <reference>', 'container image')
    .option('--port <number>', 'port that the container listens on', parsePort, '80')
    .option('--labels <k=v,…>', 'labels of both; app=<name> when left out', '')
    .option('--no-service', 'no Service')
    .action((name: string, options: DeployOptions) => order(options, requestsToDeploy(name, options)));
}

/** `daas delete`: takes both away again. */
export function deleteCommand(command: Command): void {
  inNamespace(command)
    .argument('<name>', 'name of both')
    .option('--no-service', 'there is no Service')
    .action((name: string, options: SubmitOptions & { namespace: string; service: boolean }) =>
      order(options, requestsToDelete(name, options)),
    );
}

function inNamespace(command: Command): Command {
  return submitting(command).option(
    '--namespace <name>',
    'a namespace of yours, or one where you were given a role; default means your own',
    'default',
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
  { namespace, service }: SubmitOptions & { namespace: string; service: boolean },
): Order[] {
  const common = { method: 'DELETE', name, labels: '', namespace, containerName: '', image: '', port: '' };
  const deployment = { ...common, path: `${DEPLOYMENTS}/${namespace}/deployments/${name}` };
  return service
    ? [deployment, { ...common, path: `${SERVICES}/${namespace}/services/${name}` }]
    : [deployment];
}

function order(options: SubmitOptions, orders: Order[]): Promise<void> {
  return submitOrders(options, (tx, ids, requester) => {
    for (const request of orders) submitK8sRequest(tx, ids, { ...request, requester });
  });
}
