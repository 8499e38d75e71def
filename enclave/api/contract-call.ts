import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { isRefusal } from '@daasvader/chain/refusal.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { bcs } from '@mysten/sui/bcs';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { z } from 'zod';
import { readJson } from './body.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const requestId = z
  .string()
  .regex(/^[0-9]{1,20}$/, 'must be a decimal number')
  .refine((text) => BigInt(text) < 1n << 64n, 'must be a number of 64 bits');

const query = z.discriminatedUnion('function', [
  z.strictObject({ function: z.literal('get_active_request_count'), args: z.tuple([]).optional() }),
  z.strictObject({ function: z.literal('get_worker_workload'), args: z.tuple([z.string().max(63)]) }),
  z.strictObject({ function: z.literal('get_request_status'), args: z.tuple([requestId]) }),
]);
const relay = z.strictObject({
  transaction: z.base64().max(180_000),
  signatures: z.array(z.base64()).min(1).max(2),
});
const body = z.union([query, relay]);

/** Turns the bytes of an attestation document into the object that registering takes. */
const NITRO_LOAD = `${normalizeSuiAddress('0x2')}::nitro_attestation::load_nitro_attestation`;

type TransactionKind = (typeof bcs.TransactionData.$inferType)['V1']['kind'];
type Command = NonNullable<TransactionKind['ProgrammableTransaction']>['commands'][number];
type Query = z.infer<typeof query>;

/** The contracts that are asked and called here. */
export interface RelayedContracts {
  readonly client: SuiGrpcClient;
  /** As of now: an upgrade changes the package. */
  readonly ids: Pick<ContractIds, 'packageId' | 'registryId' | 'schedulerId'>;
  /** The cluster's package in all its versions; which ones still work, the contracts decide. */
  readonly packages: ReadonlySet<string>;
}

/** `POST /api/contract/call`: a view of the scheduler, or the relay of a transaction that the caller signed. */
export function contractCallRoutes(contracts: RelayedContracts): Routes {
  return (router) => {
    router.post(ROUTE.contractCall, async (ctx) => {
      const request = body.parse(await readJson(ctx));
      const data = 'function' in request ? await view(contracts, request) : await forward(contracts, request);
      ctx.body = { status: 'success', data };
    });
  };
}

async function view({ client, ids }: RelayedContracts, request: Query): Promise<{ value: string }> {
  const transaction = new Transaction();
  // Nobody's transaction: a simulation asks for a sender, not for a signature.
  transaction.setSender(ids.registryId);
  const values = {
    get_active_request_count: () => [],
    get_worker_workload: ([nodeId = '']: readonly string[]) => [transaction.pure.string(nodeId)],
    get_request_status: ([id = '']: readonly string[]) => [transaction.pure.u64(id)],
  }[request.function](request.args ?? []);
  transaction.moveCall({
    target: `${ids.packageId}::k8s_scheduler::${request.function}`,
    arguments: [transaction.object(ids.schedulerId), ...values],
  });
  const include = { commandResults: true } as const;
  const result = await told(client.simulateTransaction({ transaction, include, checksEnabled: false }));
  const returned = result.commandResults?.[0]?.returnValues[0]?.bcs;
  if (result.$kind !== 'Transaction' || !returned) {
    throw new HttpProblem(404, 'not-found', `The chain has no answer to ${request.function}`);
  }
  return {
    value: (request.function === 'get_request_status' ? bcs.u8() : bcs.u64()).parse(returned).toString(),
  };
}

/** Transactions of this cluster's contracts alone are passed on: this is no free full node. */
async function forward(
  { client, packages }: RelayedContracts,
  { transaction, signatures }: z.infer<typeof relay>,
): Promise<{ digest: string; success: boolean }> {
  const bytes = Uint8Array.from(Buffer.from(transaction, 'base64'));
  assertOurs(parseCommands(bytes), packages);
  const result = await told(client.executeTransaction({ transaction: bytes, signatures }));
  const executed = result.Transaction ?? result.FailedTransaction;
  return { digest: executed.digest, success: result.$kind === 'Transaction' };
}

/** Characters of what a full node says, which may say anything. */
const MAX_REASON = 500;

/** What the full node answers; whose fault it is when it does not is told apart. */
async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (isRefusal(cause))
      throw new HttpProblem(400, 'chain', `The full node refused: ${reasonOf(cause).slice(0, MAX_REASON)}`, {
        cause,
      });
    throw new HttpProblem(503, 'chain', 'The full node did not answer; try again later', { cause });
  }
}

/** Every command calls our package, loads an attestation document for it, or makes the coin that it takes. */
function assertOurs(commands: Command[], packages: ReadonlySet<string>): void {
  const isOurs = ({ MoveCall }: Command) => MoveCall !== undefined && packages.has(MoveCall.package);
  const named = [...packages].join(' or ');
  const strange = commands.find(
    (command) => !isOurs(command) && !isNitroLoad(command) && !command.SplitCoins && !command.MergeCoins,
  );
  if (strange) {
    const what = strange.MoveCall ? targetOf(strange.MoveCall) : strange.$kind;
    throw new HttpProblem(403, 'request', `Cannot relay ${what}: only calls of package ${named} are relayed`);
  }
  if (!commands.some(isOurs))
    throw new HttpProblem(403, 'request', `The transaction calls nothing of package ${named}`);
}

function isNitroLoad({ MoveCall }: Command): boolean {
  return MoveCall !== undefined && targetOf(MoveCall) === NITRO_LOAD;
}

function targetOf({ package: id, module, function: name }: NonNullable<Command['MoveCall']>): string {
  return `${id}::${module}::${name}`;
}

function parseCommands(bytes: Uint8Array): Command[] {
  try {
    const data = bcs.TransactionData.parse(bytes);
    // The parser ignores what follows the last field; whoever reads the bytes after us might not.
    if (bcs.TransactionData.serialize(data).toBytes().toString() !== bytes.toString())
      throw new TypeError('not in canonical form');
    return data.V1.kind.ProgrammableTransaction?.commands ?? [];
  } catch {
    throw new HttpProblem(400, 'request', 'transaction is not BCS of TransactionData');
  }
}
