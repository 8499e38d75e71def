/** A network of IPv4: its first address as a number of 32 bits, and how many leading bits all of it share. */
export interface Cidr {
  first: number;
  bits: number;
}

/** RFC 1918, and the space that RFC 6598 shares out: nobody is reached there from the Internet. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map((text) => parse(text));

/** As large as Kubernetes takes for Services, and as small as leaves room for a few nodes of 256 pods each. */
const CLUSTER_BITS = { min: 12, max: 22 };
/** As large as Kubernetes takes, and as small as holds its own Services and some more. */
const SERVICE_BITS = { min: 12, max: 24 };

/**
 * Why a cluster cannot have these ranges of pods and Services; undefined when it can. Both are private networks in
 * their one spelling, of a size that Kubernetes serves, and share no address.
 */
export function rangesProblem(clusterCidr: string, serviceCidr: string): string | undefined {
  const problem =
    rangeProblem(clusterCidr, 'the range of pods', CLUSTER_BITS) ??
    rangeProblem(serviceCidr, 'the range of Services', SERVICE_BITS);
  if (problem !== undefined) return problem;
  const [pods, services] = [parse(clusterCidr), parse(serviceCidr)];
  if (contains(pods, services) || contains(services, pods))
    return `the ranges of pods, ${clusterCidr}, and of Services, ${serviceCidr}, overlap`;
  return undefined;
}

/** Reads `a.b.c.d/n` in its one spelling: no padding, no bit set beyond the prefix; undefined for all else. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(1).map(Number);
  const [a, b, c, d, bits] = numbers as [number, number, number, number, number];
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const isInRange = [a, b, c, d].every((byte) => byte < 256) && bits <= 32;
  const isExact = `${a}.${b}.${c}.${d}/${bits}` === text && first % 2 ** (32 - bits) === 0;
  return isInRange && isExact ? { first, bits } : undefined;
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  const size = 2 ** (32 - outer.bits);
  return inner.bits >= outer.bits && inner.first >= outer.first && inner.first < outer.first + size;
}

function rangeProblem(text: string, what: string, { min, max }: typeof CLUSTER_BITS): string | undefined {
  const range = parseCidr(text);
  if (range === undefined) return `${what}, ${JSON.stringify(text)}, is not a network such as 10.42.0.0/16`;
  if (range.bits < min || range.bits > max)
    return `${what}, ${text}, is not of a size from /${min} to /${max}`;
  if (!PRIVATE.some((network) => contains(network, range))) return `${what}, ${text}, is not private`;
  return undefined;
}

function parse(text: string): Cidr {
  return parseCidr(text) as Cidr;
}
