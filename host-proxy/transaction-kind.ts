import { bcs } from '@mysten/sui/bcs';
import { HostProxyError } from './error.ts';

const FRAMEWORK = `0x${'2'.padStart(64, '0')}`;
const LOAD_DOCUMENT = `${FRAMEWORK}::nitro_attestation::load_nitro_attestation`;
/** A programmable transaction may have 1,024 commands; what the enclave says at once is bounded by what it may cost. */
const MAX_COMMANDS = 64;
/** Sui takes transactions of 128 KiB; sender, gas and signatures need some of it. */
const MAX_BYTES = 126 * 1_024;

/** Base64 of the longest transaction kind that is looked at. */
export const MAX_KIND_CHARACTERS = Math.ceil(MAX_BYTES / 3) * 4;

/** Whose budget pays: what keeps the cluster alive has one that statements cannot use up. */
export const POTS = ['heartbeats', 'statements'] as const;
export type Pot = (typeof POTS)[number];

/**
 * What the operator may say after `operator::act`, and which pot pays for it: all that the host sponsors, beside
 * {@link ALONE}.
 */
const OPERATOR: Readonly<Record<string, Pot>> = {
  'heartbeat::heartbeat': 'heartbeats',
  'anchor::anchor_state': 'heartbeats',
  'identity::set_identity': 'heartbeats',
  'lead::give_up_lead': 'heartbeats',
  'worker_registry::activate_worker': 'statements',
  'worker_registry::set_worker_status': 'statements',
  'k8s_scheduler::start_request': 'statements',
  'k8s_scheduler::complete_request': 'statements',
  'k8s_scheduler::fail_request': 'statements',
  'k8s_scheduler::settle_cancelled_request': 'statements',
  'k8s_scheduler::assign_worker': 'statements',
};
const ACT = 'operator::act';
const HEARTBEAT = 'heartbeat::heartbeat';

/** Whole transactions of an enclave that does not lead yet, by the commands they consist of. */
const ALONE: readonly (readonly string[])[] = [
  ['lead::take_lead'],
  ['enclave_registry::open_registration'],
  [LOAD_DOCUMENT, 'enclave_registry::register_enclave'],
  ['enclave_registry::close_ticket'],
];

export type TransactionKind = typeof bcs.TransactionKind.$inferType;

/** What a transaction is, as far as paying for it goes. */
export interface Sponsorable {
  readonly pot: Pot;
  /** Whether it beats, and so must come through even when others outbid it. */
  readonly isHeartbeat: boolean;
  /** The one package that it calls beside the framework; the caller says whether it is the cluster's. */
  readonly packageId: string;
}

/**
 * Decodes base64 of a BCS TransactionKind.
 *
 * @throws {HostProxyError} `request` when it is too long, not BCS or not canonical
 */
export function parseKind(base64: string): TransactionKind {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length > MAX_BYTES) throw malformed(`has ${bytes.length} bytes, at most ${MAX_BYTES} are taken`);
  let kind: TransactionKind;
  try {
    kind = bcs.TransactionKind.parse(bytes);
  } catch (cause) {
    throw malformed('is not valid BCS', cause);
  }
  if (Buffer.from(bcs.TransactionKind.serialize(kind).toBytes()).equals(bytes)) return kind;
  throw malformed('is not canonical BCS');
}

/**
 * Says what a transaction is.
 *
 * @throws {HostProxyError} `refused` when it is nothing that the host sponsors
 */
export function classify(kind: TransactionKind): Sponsorable {
  const program = kind.ProgrammableTransaction ?? refuse(`a ${kind.$kind} is not a programmable transaction`);
  const { inputs, commands } = program;
  if (commands.length === 0 || commands.length > MAX_COMMANDS) refuse(`it has ${commands.length} commands`);
  for (const input of inputs) {
    if (!input.Pure && !input.Object) refuse(`input ${input.$kind} is not allowed`);
  }
  const calls = commands.map(
    (command) => command.MoveCall ?? refuse(`command ${command.$kind} is not allowed`),
  );
  const names = calls.map(nameOf);
  if (calls.some((call) => call.arguments.some((argument) => argument.GasCoin)))
    refuse('it uses the gas coin');
  return { pot: potOf(names), isHeartbeat: names.includes(HEARTBEAT), packageId: onlyPackage(calls) };
}

interface Call {
  readonly package: string;
  readonly module: string;
  readonly function: string;
}

/** `module::function`, and of the framework's with its package, so that neither passes for the other. */
function nameOf(call: Call): string {
  const name = `${call.module}::${call.function}`;
  return call.package === FRAMEWORK ? `${FRAMEWORK}::${name}` : name;
}

function onlyPackage(calls: readonly Call[]): string {
  const [packageId, ...others] = new Set(calls.map((call) => call.package).filter((id) => id !== FRAMEWORK));
  return packageId !== undefined && others.length === 0
    ? packageId
    : refuse('it calls more than one package');
}

function potOf(names: readonly string[]): Pot {
  if (ALONE.some((whole) => whole.length === names.length && whole.every((name, i) => name === names[i])))
    return 'heartbeats';
  const [first, ...said] = names;
  if (first !== ACT) refuse(`it begins with ${first}, not with ${ACT}`);
  if (said.length === 0) refuse(`nothing follows ${ACT}`);
  const pots = said.map((name) => potOfStatement(name));
  return pots.includes('statements') ? 'statements' : 'heartbeats';
}

function potOfStatement(name: string): Pot {
  const pot = Object.hasOwn(OPERATOR, name) ? OPERATOR[name] : undefined;
  return pot ?? refuse(`${name} is nothing that the operator says`);
}

function refuse(what: string): never {
  throw new HostProxyError('refused', `Cannot sponsor: ${what}`);
}

function malformed(what: string, cause?: unknown): HostProxyError {
  return new HostProxyError('request', `Cannot sponsor: the transaction kind ${what}`, { cause });
}
