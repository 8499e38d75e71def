import type { IncomingMessage } from 'node:http';
import type { Answer } from './status.ts';

/** RFC 9111, section 5.5, as Kubernetes uses it: apimachinery, pkg/util/net/http.go, NewWarningHeader. */
const WARNING = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/;

/** A Warning header, which clients of Kubernetes show to people. */
export function warningHeader(text: string): string {
  const quoted = text.replace(/[\p{Cc}]+/gu, ' ').replace(/["\\]/g, '\\$&');
  return Buffer.from(`299 - "${quoted}"`, 'utf8').toString('latin1');
}

/** An answer of Kubernetes that was read whole. */
export function wholeAnswer(response: IncomingMessage, body: Buffer): Answer {
  const { warning = [], 'content-type': [contentType = 'application/json'] = [] } = response.headersDistinct;
  const warnings = warning.flatMap((header) => warningText(header) ?? []);
  const retryAfter = response.headers['retry-after'];
  return { status: response.statusCode ?? 502, warnings, contentType, body, retryAfter };
}

function warningText(header: string): string | undefined {
  const [, quoted] = WARNING.exec(Buffer.from(header, 'latin1').toString('utf8')) ?? [];
  return quoted?.replace(/\\(.)/g, '$1');
}
