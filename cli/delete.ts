import { submitK8sRequest } from '@daasvader/chain/calls/user.ts';
import type { Command } from 'commander';
import { collect } from './arguments.ts';
import { tenantObjects } from './manifests/objects.ts';
import { readManifests } from './manifests/read.ts';
import { openSession } from './manifests/session.ts';
import { type WriteOptions, withWrites, writeAll } from './manifests/write.ts';
import { submitOrders } from './submit-orders.ts';

interface DeleteOptions extends WriteOptions {
  filename?: string[];
  service: boolean;
}

/** As kubectl has it: what belongs to an object goes with it, for Jobs too. */
const DELETION = {
  ...{ method: 'DELETE', query: 'propagationPolicy=Background' },
  ...{ contentType: '', body: new Uint8Array() },
};

/** `daas delete`: takes away what `daas deploy` made under a name, or what manifests name. */
export function deleteCommand(command: Command): void {
  withWrites(command)
    .argument('[name]', 'of what daas deploy made')
    .option('-f, --filename <file>', 'what these manifests name instead, as daas apply takes them', collect)
    .option('--no-service', 'there is no Service of that name')
    .action((name: string | undefined, options: DeleteOptions) => {
      if ((name === undefined) === (options.filename === undefined))
        command.error('error: name either what daas deploy made, or manifests with -f');
      return name === undefined ? removeAll(options) : removeDeployed(name, options);
    });
}

async function removeAll(options: DeleteOptions): Promise<void> {
  const objects = tenantObjects(await readManifests(options.filename ?? []), options.namespace);
  const writes = objects.reverse().map((object) => ({ object, request: DELETION }));
  await writeAll(options, await openSession(options), writes);
}

function removeDeployed(name: string, options: DeleteOptions): Promise<void> {
  const { namespace = 'default', service } = options;
  const nothing = { labels: '', containerName: '', image: '', port: '' };
  const paths = [
    `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
    ...(service ? [`/api/v1/namespaces/${namespace}/services/${name}`] : []),
  ];
  return submitOrders(options, (tx, ids, requester) => {
    for (const path of paths)
      submitK8sRequest(tx, ids, { method: 'DELETE', path, name, namespace, ...nothing, requester });
  });
}
