import { closeEnclave, pruneRequest } from '@daasvader/chain/calls/anyone.ts';
import { takeSeat } from '@daasvader/chain/calls/host.ts';
import { takeLead } from '@daasvader/chain/calls/lead.ts';
import { beginAct, completeRequest, type OperatorIds } from '@daasvader/chain/calls/operator.ts';
import { cancelRequest, withdrawFees } from '@daasvader/chain/calls/user.ts';
import { drainWorker } from '@daasvader/chain/calls/worker-owner.ts';
import { REQUEST_STATUS } from '@daasvader/chain/codes.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { leaderOf } from '@daasvader/chain/objects.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { type Attack, survived } from './attack.ts';
import type { Field } from './field.ts';

const ORDERS = 20;
const ACT_MS = 60_000;
/** The victim's first order: its Deployment. */
const VICTIMS_ORDER = 1n;

type Build = (tx: Transaction, ids: OperatorIds, term: bigint) => void;

/** What a stranger has the contracts do in the operator's place, with the enclave that leads. */
const asOperator = (attack: string, reason: string, build: Build): Attack => ({
  attack,
  expected: `not taken: ${reason}`,
  refusal: new RegExp(`^not taken: .*${reason}`),
  run: async ({ tenants: { developer }, chain }) => {
    const registry = await chain.registry();
    const enclaveId = leaderOf(registry) ?? '';
    return developer.try((tx, ids) => build(tx, { ...ids, enclaveId }, BigInt(registry.lease.term)));
  },
});

/** What a stranger asks of another's things. */
const onAnothers = (
  attack: string,
  reason: string,
  build: (tx: Transaction, ids: ContractIds) => void,
): Attack => ({
  attack,
  expected: `not taken: ${reason}`,
  refusal: new RegExp(`^not taken: .*${reason}`),
  run: ({ tenants: { developer } }) => developer.try(build),
});

/** What a stranger tries on the chain. */
export const CHAIN_ATTACKS: Attack[] = [
  asOperator('states the end of an order', 'ENotOperator', (tx, ids, term) => {
    const act = beginAct(tx, ids, { term, notAfterMs: BigInt(Date.now() + ACT_MS) });
    completeRequest(tx, ids, act, { requestId: VICTIMS_ORDER, resultDigest: new Uint8Array(32) });
  }),
  asOperator('takes the lead', 'ENotOperator', takeLead),
  asOperator('takes a seat', 'ENotHost', (tx, ids) => takeSeat(tx, ids, ids.enclaveId)),
  asOperator('closes the enclave that leads', 'ESeated', (tx, ids) => closeEnclave(tx, ids, ids.enclaveId)),
  onAnothers('cancels another’s order', 'ENotRequester', (tx, ids) => cancelRequest(tx, ids, VICTIMS_ORDER)),
  onAnothers('prunes another’s order', 'ETooEarly', (tx, ids) => pruneRequest(tx, ids, VICTIMS_ORDER)),
  onAnothers('takes out fees that it never paid', 'ENotEnoughFees', (tx, ids) => withdrawFees(tx, ids, 1n)),
  {
    attack: 'drains the honest worker with its capability',
    expected: 'not taken',
    refusal: /^not taken: .*(owned|owner)/,
    run: async ({ tenants: { developer }, capId }) => developer.try((tx, ids) => drainWorker(tx, ids, capId)),
  },
  survived(`orders ${ORDERS} and cancels them all, to steer where the next one runs`, async (field) => {
    const ids = await orderAndCancel(field);
    const ends = await Promise.all(ids.map((id) => field.tenants.developer.end(id)));
    const open = ends.filter((end) => !end.startsWith('CANCELLED'));
    if (open.length > 0) return `${open.length} went on: ${open[0]}`;
    return `${await placed(field)}; ${ids.length} cancelled`;
  }),
];

async function orderAndCancel({ tenants: { developer } }: Field): Promise<bigint[]> {
  const names = Array.from({ length: ORDERS }, (_, index) => `steer-${index}`);
  const ids = await developer.place(names.map((name) => deployment(developer.namespace, name)));
  await developer.send((tx, contracts) => {
    for (const id of ids) cancelRequest(tx, contracts, id);
  });
  return ids;
}

/** Whether an order of somebody honest goes where there is room all the same. */
async function placed({ victim, chain, live: { worker } }: Field): Promise<string> {
  const [id = 0n] = await victim.place([deployment(victim.namespace, 'after-steering')]);
  const end = await victim.end(id);
  const request = await chain.request(id);
  const workers = request?.workers.join() ?? '';
  const isPlaced = request?.status === REQUEST_STATUS.completed && workers === worker.vm.name;
  return isPlaced ? `served on ${workers}` : `${end} on ${workers}`;
}

function deployment(namespace: string, name: string) {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'c', image: 'docker.io/library/test:1' }] },
  };
  const spec = { selector: { matchLabels: labels }, template };
  return {
    path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
    body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec },
  };
}
