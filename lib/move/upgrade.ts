import { type AdminIds, upgrade as upgradeCall } from '@daasvader/chain/calls/admin.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { bcs } from '@mysten/sui/bcs';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { blake2b } from '@noble/hashes/blake2.js';
import { type CompiledPackage, compilePackage } from './compile.ts';
import { CONTRACTS } from './publish.ts';

/** The contracts as compiled here, and the digest by which an upgrade to them is proposed. */
export interface UpgradeCode extends CompiledPackage {
  digest: Uint8Array;
}

/** Whose upgrade it is, and who may carry it out. */
export interface UpgradeOptions {
  client: SuiGrpcClient;
  /** Pays, and has the admin capability. */
  signer: Signer;
  ids: AdminIds;
  /** Compiled here when left out. */
  code?: UpgradeCode;
}

/** Compiles the contracts of this clone. @throws MoveError when they do not compile */
export async function compileUpgrade(): Promise<UpgradeCode> {
  const code = await compilePackage(CONTRACTS);
  return { ...code, digest: digestOfCode(code) };
}

/**
 * Carries out an upgrade that was proposed and whose time has come.
 *
 * @returns the transaction, and the new package
 * @throws ChainError `abort` when the chain did not agree, others as {@link submit}
 */
export async function upgrade(options: UpgradeOptions): Promise<{ digest: string; packageId: string }> {
  const code = options.code ?? (await compileUpgrade());
  const submitted = await submit(options.client, options.signer, (tx) => upgradeCall(tx, options.ids, code));
  return { digest: submitted.digest, packageId: submitted.packages[0]! };
}

/**
 * The digest that an upgrade ticket names: Blake2b-256 over the digests of the modules and the ids of what they link to,
 * sorted, as `MovePackage::compute_digest_for_modules_and_deps` of sui-types computes it.
 */
export function digestOfCode({ modules, dependencies }: CompiledPackage): Uint8Array {
  const parts = [
    ...modules.map((module) => blake2b(module, { dkLen: 32 })),
    ...dependencies.map((id) => bcs.Address.serialize(id).toBytes()),
  ].sort(Buffer.compare);
  return blake2b(Buffer.concat(parts), { dkLen: 32 });
}
