import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claimNamespace, grantRole } from '@daasvader/chain/calls/user.ts';
import { ROLE } from '@daasvader/chain/codes.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Cluster } from '@daasvader/testbed/cluster/cluster.ts';
import { LiveCluster, order } from '@daasvader/testbed/cluster/live-cluster.ts';
import type { RunningPod } from '@daasvader/testbed/cluster/user.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Joiner } from './joiner.ts';
import { Peer } from './peer.ts';
import { joinRogueNode, ROGUE } from './rogue-node.ts';
import { claimedBy } from './roles.ts';
import { TENANT_ROLES, Tenant, type TenantRole } from './tenant.ts';

const RUN_TIMEOUT_MS = 60_000;
/** Another address of this machine than the one that the honest come from. */
export const HOSTILE_ADDRESS = '127.0.0.66';
const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: ROGUE, labels: {} } };

/** A live cluster with somebody honest in it, and everybody hostile. */
export class Field implements AsyncDisposable {
  readonly live: LiveCluster;
  /** Runs a pod that answers, on the honest worker; whose Secrets and pods the others are after. */
  readonly victim: Tenant;
  readonly victimPod: RunningPod;
  readonly outsider: Peer;
  /** The same at the enclave's own port. */
  readonly outsiderApi: Peer;
  /** Somebody honest there. */
  readonly api: Peer;
  readonly node: Peer;
  readonly tenants: Readonly<Record<TenantRole, Tenant>>;
  /** Was an admin with a claimed namespace and a guest, until its role falls. */
  readonly fallen: Tenant;
  /** The capability of the honest worker, which its agent holds. */
  readonly capId: string;
  /** A registered worker that joins by hand. */
  readonly twin: Joiner;
  /** What the contracts say. */
  readonly chain: ContractReader;
  /** The cluster's administrator, whom only an enclave that is an ordinary process has a file for. */
  readonly administrator: Peer;

  private constructor(fields: Omit<Field, typeof Symbol.asyncDispose | 'cluster' | 'isServed' | 'renew'>) {
    this.live = fields.live;
    this.victim = fields.victim;
    this.victimPod = fields.victimPod;
    this.outsider = fields.outsider;
    this.outsiderApi = fields.outsiderApi;
    this.api = fields.api;
    this.node = fields.node;
    this.tenants = fields.tenants;
    this.fallen = fields.fallen;
    this.capId = fields.capId;
    this.twin = fields.twin;
    this.chain = fields.chain;
    this.administrator = fields.administrator;
  }

  get cluster() {
    return this.live.cluster;
  }

  static async open(): Promise<Field> {
    const live = await LiveCluster.start();
    try {
      return await Field.#populate(live);
    } catch (error) {
      await live[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #populate(live: LiveCluster): Promise<Field> {
    const { cluster } = live;
    const { kubernetesUrl, apiUrl } = cluster.addresses;
    const victim = await Tenant.create(cluster, 'victim', 'admin');
    await victim.user.untilCompleted(await order(victim.user, 'shop'), RUN_TIMEOUT_MS);
    const victimPod = await victim.user.untilRunning('shop', RUN_TIMEOUT_MS);
    const node = await joinRogueNode(cluster, HOSTILE_ADDRESS);
    await node.object({ method: 'POST', path: '/api/v1/nodes', body: NODE });
    const tenants = {} as Record<TenantRole, Tenant>;
    for (const role of TENANT_ROLES) tenants[role] = await Tenant.create(cluster, `hostile-${role}`, role);
    const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: cluster.addresses.rpcUrl });
    const chain = new ContractReader(client, cluster.deployment);
    const { owner = '' } = (await chain.worker(live.worker.vm.name)) ?? {};
    return new Field({
      live,
      victim,
      victimPod,
      outsider: new Peer(kubernetesUrl, {}, HOSTILE_ADDRESS),
      outsiderApi: new Peer(apiUrl, {}, HOSTILE_ADDRESS),
      api: new Peer(apiUrl),
      node,
      tenants,
      fallen: await fallenAdmin(cluster, tenants.developer),
      capId: (await chain.capIdOf(owner, live.worker.vm.name)) ?? '',
      twin: await Joiner.register(cluster, 'twin', HOSTILE_ADDRESS),
      chain,
      administrator: await administrator(cluster.stateDir, kubernetesUrl),
    });
  }

  /** Somebody honest still has their page, their credential and their orders. */
  async isServed(): Promise<string> {
    const pods = await this.victim.peer.try({ path: `/api/v1/namespaces/${this.victim.namespace}/pods` });
    if (!pods.startsWith('200')) return `the victim is not served: ${pods}`;
    const attestation = await this.api.try({ path: `/api/v1/attestation?nonce=${'00'.repeat(16)}` });
    return attestation.startsWith('200') ? 'served' : `no attestation: ${attestation}`;
  }

  /** Gives everybody a credential that lasts for what comes next. */
  async renew(): Promise<void> {
    await Promise.all(
      [this.victim, this.fallen, ...Object.values(this.tenants)].map((tenant) => tenant.renew()),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.live[Symbol.asyncDispose]();
  }
}

/** An admin who has claimed a namespace, ordered there and let somebody in; its role can fall. */
async function fallenAdmin(cluster: Cluster, guest: Tenant): Promise<Tenant> {
  const fallen = await Tenant.create(cluster, 'fallen', 'admin');
  const namespace = claimedBy(fallen);
  await fallen.send((tx, ids) => {
    claimNamespace(tx, ids, namespace);
    const granted = { user: guest.user.address, role: ROLE.developer };
    for (const each of [fallen.namespace, namespace]) grantRole(tx, ids, { namespace: each, ...granted });
  });
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'before' }, data: { a: 'b' } };
  const seen = await fallen.order({ path: `/api/v1/namespaces/${namespace}/configmaps`, body });
  if (!seen.startsWith('COMPLETED')) throw new Error(`Cannot order in a claimed namespace: ${seen}`);
  return fallen;
}

async function administrator(stateDir: string, url: string): Promise<Peer> {
  const prefix = join(stateDir, 'k3s/server/tls/client-admin');
  const [cert, key] = await Promise.all(['crt', 'key'].map((kind) => readFile(`${prefix}.${kind}`, 'utf8')));
  return new Peer(url, { cert: cert!, key: key! });
}
