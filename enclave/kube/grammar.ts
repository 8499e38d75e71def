import { EnclaveError } from '../error.ts';
import { OWN_PREFIX } from './names.ts';

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
/** Reserved for Kubernetes itself: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
const RESERVED_LABEL = /(^|\.)(kubernetes|k8s)\.io$/;

const MAX_LABELS = 16;

/** Whether `text` is one DNS label (RFC 1123), as the names of namespaces, containers and nodes must be. */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/** Whether `text` is DNS labels between dots (RFC 1123), as the names of most objects must be. */
export function isDnsSubdomain(text: string): boolean {
  return DNS_SUBDOMAIN.test(text) && text.split('.').every(isDnsLabel);
}

/** Whether a user may set this label key: well formed and of nobody's reserved prefix. */
function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  if (!LABEL_NAME.test(key.slice(slash + 1))) return false;
  if (prefix === undefined) return true;
  return DNS_SUBDOMAIN.test(prefix) && !RESERVED_LABEL.test(prefix) && `${prefix}/` !== OWN_PREFIX;
}

/** Whether `text` is a label value. */
function isLabelValue(text: string): boolean {
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
