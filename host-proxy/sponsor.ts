import { bcs } from '@mysten/sui/bcs';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { z } from 'zod';
import { HostProxyError } from './error.ts';
import type { GasCoins } from './gas-coins.ts';
import type { HostChain } from './host-chain.ts';
import { HourlyLimit } from './hourly-limit.ts';

const FRAMEWORK = `0x${'2'.padStart(64, '0')}`;
/** A programmable transaction may have 1,024 commands; the enclave needs a handful. */
const MAX_COMMANDS = 64;

/** Body of `POST /gas/sponsor`: BCS of a TransactionKind, and who will sign it. */
export const sponsorRequestSchema = z.strictObject({
  transaction: z.base64().max(180_000),
  sender: z.string().regex(/^0x[0-9a-f]{64}$/),
});

/** Answer: BCS of the whole TransactionData, and the host's signature over it. */
export interface Sponsored {
  readonly transaction: string;
  readonly sponsorSignature: string;
}

/** What the host pays for, in MIST. */
export interface GasBudget {
  readonly packageId: string;
  readonly perTransaction: bigint;
  readonly perHour: bigint;
}

/** Pays the gas of the enclave's transactions, and of nothing else. */
export class Sponsor {
  readonly #chain: HostChain;
  readonly #coins: GasCoins;
  readonly #account: Ed25519Keypair;
  readonly #budget: GasBudget;
  /** Counts the whole budget of each transaction: what it really costs is known only when it is over. */
  readonly #hour: HourlyLimit;

  constructor(chain: HostChain, coins: GasCoins, account: Ed25519Keypair, budget: GasBudget) {
    this.#chain = chain;
    this.#coins = coins;
    this.#account = account;
    this.#budget = budget;
    this.#hour = new HourlyLimit(budget.perHour, 'MIST');
  }

  /**
   * Checks a transaction kind and completes it with the host's gas.
   *
   * @throws {HostProxyError} `request`, `refused`, `budget` or `chain`
   */
  async sponsor({ transaction, sender }: z.infer<typeof sponsorRequestSchema>): Promise<Sponsored> {
    const owner = this.#account.toSuiAddress();
    // The sponsor's signature would count as the sender's: the host account's own objects would be open to the enclave.
    if (sender === owner)
      throw new HostProxyError('refused', 'Cannot sponsor: the sender is the host account itself');
    const kind = parseKind(transaction);
    assertOwnCalls(kind, this.#budget.packageId);
    const giveBack = this.#hour.take(this.#budget.perTransaction);
    try {
      return await this.#complete(kind, sender, owner);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  async #complete(kind: Kind, sender: string, owner: string): Promise<Sponsored> {
    const budget = this.#budget.perTransaction;
    const price = await this.#chain.gasPrice();
    const { objectId, version, digest } = await this.#coins.lease(budget);
    const payment = [{ objectId, version, digest }];
    const bytes = bcs.TransactionData.serialize({
      V1: { kind, sender, gasData: { payment, owner, price, budget }, expiration: { None: true } },
    }).toBytes();
    const { signature } = await this.#account.signTransaction(bytes);
    return { transaction: Buffer.from(bytes).toString('base64'), sponsorSignature: signature };
  }
}

type Kind = typeof bcs.TransactionKind.$inferType;

function parseKind(base64: string): Kind {
  const bytes = Buffer.from(base64, 'base64');
  try {
    const kind = bcs.TransactionKind.parse(bytes);
    if (Buffer.from(bcs.TransactionKind.serialize(kind).toBytes()).equals(bytes)) return kind;
  } catch (cause) {
    throw new HostProxyError('request', 'Cannot sponsor: the transaction kind is not valid BCS', { cause });
  }
  throw new HostProxyError('request', 'Cannot sponsor: the transaction kind is not canonical BCS');
}

/** Only calls into the cluster's package and the check of an attestation document, none of them with the gas coin. */
function assertOwnCalls(kind: Kind, packageId: string): void {
  const refuse = (what: string): never => {
    throw new HostProxyError('refused', `Cannot sponsor: ${what}`);
  };
  const program = kind.ProgrammableTransaction ?? refuse(`a ${kind.$kind} is not a programmable transaction`);
  if (program.commands.length === 0 || program.commands.length > MAX_COMMANDS) {
    refuse(`it has ${program.commands.length} commands`);
  }
  for (const input of program.inputs) {
    if (!input.Pure && !input.Object) refuse(`input ${input.$kind} is not allowed`);
  }
  for (const command of program.commands) {
    const call = command.MoveCall ?? refuse(`command ${command.$kind} is not allowed`);
    const target = `${call.package}::${call.module}::${call.function}`;
    const known =
      call.package === packageId || target === `${FRAMEWORK}::nitro_attestation::load_nitro_attestation`;
    if (!known) refuse(`${target} is not a function of the cluster's package`);
    if (call.arguments.some((argument) => argument.GasCoin)) refuse(`${target} takes the gas coin`);
  }
}
