import { compileFiles, compileTogether } from '@daasvader/move/compile.ts';
import { digestOfCode } from '@daasvader/move/upgrade.ts';
import { deserialize } from '@mysten/move-bytecode-template';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Inputs, Transaction, type TransactionArgument, UpgradePolicy } from '@mysten/sui/transactions';

/** Bytecode that calls its own package 0x0, with the storage ids of what it links to. */
export interface Code {
  modules: Uint8Array[];
  dependencies: string[];
}

/** A package on the chain and the right to upgrade it. */
export interface Published {
  packageId: string;
  capId: string;
}

const MANIFEST = '[package]\nname = "pkg"\nedition = "2024"\n[addresses]\npkg = "0x0"\n';

/** Compiles one package of modules `pkg::…` that needs nothing but the framework; sources by module name. */
export function compilePackage(sources: Record<string, string>): Promise<Code> {
  const files = Object.entries(sources).map(([name, text]) => [
    `sources/${name}.move`,
    `module pkg::${name};\n${text}`,
  ]);
  return compileFiles({ 'Move.toml': MANIFEST, ...Object.fromEntries(files) });
}

/** Compiles a package `user` against the source of a library `pkg`, which the chain knows by `originalId`. */
export async function compileUser(
  source: string,
  library: Record<string, string>,
  { originalId, storageId }: { originalId: string; storageId: string },
): Promise<Code> {
  const texts = Object.entries(library).map(([name, text]) => [
    `library/${name}.move`,
    `module pkg::${name};\n${text}`,
  ]);
  const files = { 'user.move': `module user::user;\n${source}`, ...Object.fromEntries(texts) };
  const { modules } = await compileTogether(files, { pkg: originalId, user: '0x0' });
  return { modules: modules.filter(isUnpublished), dependencies: ['0x1', '0x2', storageId] };
}

function isUnpublished(code: Uint8Array): boolean {
  const { module_handles, self_module_handle_idx, address_identifiers } = deserialize(code) as {
    module_handles: { address: number }[];
    self_module_handle_idx: number;
    address_identifiers: string[];
  };
  return /^0+$/.test(address_identifiers[module_handles[self_module_handle_idx]!.address]!);
}

/** How an upgrade differs from what its owner would do. */
export interface UpgradeOptions {
  policy?: number;
  digest?: Uint8Array;
  /** The package that the command names. */
  packageId?: string;
  /** Stands for the commit. */
  finish?: (transaction: Transaction, receipt: TransactionArgument) => void;
}

/** Authorises, upgrades and commits. */
export function upgradeTransaction(
  { packageId, capId }: Published,
  code: Code,
  options: UpgradeOptions = {},
): Transaction {
  const { policy = UpgradePolicy.COMPATIBLE, digest = digestOfCode(code) } = options;
  const transaction = new Transaction();
  const cap = transaction.object(capId);
  const ticket = transaction.moveCall({
    target: '0x2::package::authorize_upgrade',
    arguments: [cap, transaction.pure.u8(policy), transaction.pure.vector('u8', digest)],
  });
  const receipt = transaction.upgrade({ ...plain(code), package: options.packageId ?? packageId, ticket });
  if (options.finish) options.finish(transaction, receipt);
  else transaction.moveCall({ target: '0x2::package::commit_upgrade', arguments: [cap, receipt] });
  return transaction;
}

/** Bytecode as `Transaction.publish` and `Transaction.upgrade` take it. */
export function plain({ modules, dependencies }: Code) {
  return { modules: modules.map((module) => [...module]), dependencies };
}

/** Signs and sends as one user. */
export class User {
  readonly client: SuiGrpcClient;
  readonly signer: Ed25519Keypair;

  constructor(client: SuiGrpcClient, signer: Ed25519Keypair) {
    this.client = client;
    this.signer = signer;
  }

  /** Executes, whatever comes of it: without the simulation by which the SDK fills in gas and owned objects. */
  async execute(transaction: Transaction) {
    const { objects } = await this.client.listCoins({ owner: this.signer.toSuiAddress() });
    transaction.setGasBudget(2_000_000_000n);
    transaction.setGasPrice(1_000n);
    transaction.setGasPayment([objects[0]!]);
    transaction.addBuildPlugin((data, _, next) => this.#fillIn(data.inputs).then(next));
    const include = { effects: true, objectTypes: true, events: true } as const;
    const result = await this.client.signAndExecuteTransaction({ transaction, signer: this.signer, include });
    return result.$kind === 'Transaction' ? result.Transaction : result.FailedTransaction;
  }

  async #fillIn(inputs: { UnresolvedObject?: { objectId: string } }[]): Promise<void> {
    for (const [index, { UnresolvedObject: unresolved }] of inputs.entries()) {
      if (unresolved === undefined) continue;
      const { object } = await this.client.getObject({ objectId: unresolved.objectId });
      if (object.owner.$kind === 'AddressOwner') inputs[index] = Inputs.ObjectRef(object) as never;
    }
  }

  /** Executes what must succeed. */
  async run(transaction: Transaction) {
    const result = await this.execute(transaction);
    if (!result.status.success) throw new Error(`Cannot run: ${result.status.error.message}`);
    return result;
  }

  /** The ids of what a transaction makes, by the end of their types. */
  async create(transaction: Transaction, ...types: string[]): Promise<string[]> {
    const { effects, objectTypes } = await this.run(transaction);
    const created = effects.changedObjects.filter(({ idOperation }) => idOperation === 'Created');
    return types.map(
      (type) => created.find(({ objectId }) => objectTypes[objectId]!.endsWith(type))!.objectId,
    );
  }

  async publish(code: Code): Promise<Published> {
    const transaction = new Transaction();
    transaction.transferObjects([transaction.publish(plain(code))], this.signer.toSuiAddress());
    const [packageId, capId] = await this.create(transaction, 'package', '::package::UpgradeCap');
    return { packageId: packageId!, capId: capId! };
  }

  /** @returns the package in its new version */
  async upgrade(published: Published, code: Code, options?: UpgradeOptions): Promise<Published> {
    const [packageId] = await this.create(upgradeTransaction(published, code, options), 'package');
    return { ...published, packageId: packageId! };
  }
}
