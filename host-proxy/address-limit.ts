import { BlockList } from 'node:net';

/** How much one address may do. */
export interface AddressLimits {
  /** Connections open at once. */
  readonly connections: number;
  /** New connections a second, on average. */
  readonly perSecond: number;
}

/** Why an address gets no connection now. */
export type AddressRefusal = 'address' | 'rate';

/** Seconds whose connections may come at once, as when a worker or a browser starts. */
const BURST_SECONDS = 4;
/** Addresses whose rate is remembered. Whoever has more than these to come from is held by the limit for all. */
const MAX_REMEMBERED = 16_384;

const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', 96, 'ipv6');

/**
 * Gives each address its share, so that no single one takes everybody's connections. An IPv6 address counts as its /64,
 * which a single customer has to itself.
 */
export class AddressLimit {
  readonly #limits: AddressLimits;
  readonly #now: () => number;
  /** Open connections; as many entries as there are connections at most. */
  readonly #open = new Map<string, number>();
  /** What is left of each address's burst, the one seen last at the end. */
  readonly #allowances = new Map<string, { left: number; at: number }>();

  /** @param now a clock in ms that nobody sets */
  constructor(limits: AddressLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** How many addresses it has in mind. */
  get remembered(): number {
    return Math.max(this.#open.size, this.#allowances.size);
  }

  /** @returns what gives the place back when the connection has ended, or why there is none */
  take(address: string): (() => void) | AddressRefusal {
    const key = networkOf(address);
    const open = this.#open.get(key) ?? 0;
    if (open >= this.#limits.connections) return 'address';
    if (!this.#pay(key)) return 'rate';
    this.#open.set(key, open + 1);
    return () => this.#leave(key);
  }

  #leave(key: string): void {
    const left = (this.#open.get(key) ?? 1) - 1;
    if (left > 0) this.#open.set(key, left);
    else this.#open.delete(key);
  }

  #pay(key: string): boolean {
    const { perSecond } = this.#limits;
    const burst = perSecond * BURST_SECONDS;
    const now = this.#now();
    const { left, at } = this.#allowances.get(key) ?? { left: burst, at: now };
    const earned = Math.min(burst, left + ((now - at) * perSecond) / 1_000);
    const isPaid = earned >= 1;
    this.#allowances.delete(key);
    this.#allowances.set(key, { left: isPaid ? earned - 1 : earned, at: now });
    if (this.#allowances.size > MAX_REMEMBERED)
      this.#allowances.delete(this.#allowances.keys().next().value!);
    return isPaid;
  }
}

/** The network that counts as one address: an IPv4 address, also when it is written as IPv6, or an IPv6 /64. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  if (!mapped.check(address, 'ipv6')) return `${groups.slice(0, 4).join(':')}::/64`;
  return groups
    .slice(6)
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
    .join('.');
}

/** The eight groups of an IPv6 address, as the URL parser writes it: in hexadecimal, the longest run of zeros left out. */
function groupsOf(address: string): string[] {
  const [withoutZone = ''] = address.split('%');
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')));
  return [...first!, ...Array.from({ length: 8 - first!.length - last!.length }, () => '0'), ...last!];
}
