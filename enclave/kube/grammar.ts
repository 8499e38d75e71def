import { EnclaveError } from '../error.ts';
import { OWN_PREFIX } from './names.ts';

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Reserved for Kubernetes itself: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
const RESERVED_LABEL = /(^|\.)(kubernetes|k8s)\.io$/;

// Image references as containerd and the kubelet read them (github.com/distribution/reference, normalize.go), without
// their oddest forms: [host[:port]/]path[:tag][@sha256:digest].
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(
  `^${COMPONENT}(?:/${COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);
// What is read as the id of an image that the node has, perhaps another tenant's, though it looks like a name and a tag.
const IMAGE_ID = /^(?:sha(?:256|384|512):)?[0-9a-f]{64,128}$/;
const MAX_IMAGE_LENGTH = 255;
// The last label of a public name begins with a letter; that of an address in any notation does not.
const PUBLIC_HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)$/;
/** Names that nobody serves on the internet: RFC 2606, 6761, 6762, 7686, 8375, 9476, ICANN's `internal`, and usual ones. */
const PRIVATE_DOMAINS = new Set(
  'alt arpa corp example home internal intranet invalid lan local localdomain localhost onion private test'.split(
    ' ',
  ),
);
const MAX_LABELS = 16;

/** Whether `text` is one DNS label (RFC 1123), as the names of namespaces, containers and nodes must be. */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/** Whether `text` is DNS labels between dots (RFC 1123), as the names of most objects must be. */
export function isDnsSubdomain(text: string): boolean {
  return DNS_SUBDOMAIN.test(text) && text.split('.').every(isDnsLabel);
}

/**
 * Whether `text` is a reference to an image of a registry with a public DNS name; a tag or digest may be left out, and
 * without a registry it is Docker Hub's. A node pulls what this lets pass, so an address, a name without a dot and a name of
 * the node's own network are none.
 */
export function isImage(text: string): boolean {
  if (text.length > MAX_IMAGE_LENGTH) return false;
  const [first = '', ...path] = text.split('/');
  if (path.length === 0 || !isRegistry(first)) return REPOSITORY.test(text) && !IMAGE_ID.test(text);
  return isPublicHost(first) && REPOSITORY.test(path.join('/'));
}

/** Whether what stands before the first slash names a registry, rather than a part of Docker Hub. */
function isRegistry(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
}

function isPublicHost(host: string): boolean {
  const [name = '', port, ...rest] = host.split(':');
  const domain = PUBLIC_HOST.exec(name)?.[1];
  if (domain === undefined || PRIVATE_DOMAINS.has(domain) || rest.length > 0) return false;
  return port === undefined || isPort(port);
}

/** Whether a user may set this label key: well formed and of nobody's reserved prefix. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  if (!LABEL_NAME.test(key.slice(slash + 1))) return false;
  if (prefix === undefined) return true;
  return DNS_SUBDOMAIN.test(prefix) && !RESERVED_LABEL.test(prefix) && `${prefix}/` !== OWN_PREFIX;
}

/** Whether `text` is a label value. */
export function isLabelValue(text: string): boolean {
  return text === '' || LABEL_NAME.test(text);
}

/**
 * Parses the contract's label grammar, `k=v,k2=v2`; the empty string has no labels.
 *
 * @throws {EnclaveError} `request`
 */
export function parseLabels(text: string): Record<string, string> {
  if (text === '') return {};
  const labels = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [key = '', value, ...rest] = pair.split('=');
    if (
      value === undefined ||
      rest.length > 0 ||
      !isLabelKey(key) ||
      !isLabelValue(value) ||
      labels.has(key)
    ) {
      throw new EnclaveError('request', `Cannot read labels: ${JSON.stringify(pair)} is not one key=value`);
    }
    labels.set(key, value);
  }
  if (labels.size > MAX_LABELS)
    throw new EnclaveError('request', `Cannot read labels: more than ${MAX_LABELS}`);
  return Object.fromEntries(labels);
}

/**
 * Parses a port: decimal, 1 to 65535, no sign, no leading zero.
 *
 * @throws {EnclaveError} `request`
 */
export function parsePort(text: string): number {
  if (isPort(text)) return Number(text);
  throw new EnclaveError(
    'request',
    `Cannot read port: ${JSON.stringify(text)} is not a number from 1 to 65535`,
  );
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535;
}
