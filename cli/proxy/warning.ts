import type { IncomingMessage } from 'node:http';
import { warningTexts } from '../kube/warnings.ts';
import type { Answer } from './status.ts';

/** A Warning header, which clients of Kubernetes show to people. */
export function warningHeader(text: string): string {
  const quoted = text.replace(/[\p{Cc}]+/gu, ' ').replace(/["\\]/g, '\\$&');
  return Buffer.from(`299 - "${quoted}"`, 'utf8').toString('latin1');
}

/** An answer of Kubernetes that was read whole. */
export function wholeAnswer(response: IncomingMessage, body: Buffer): Answer {
  const { warning, 'content-type': [contentType = 'application/json'] = [] } = response.headersDistinct;
  const warnings = warningTexts(warning);
  const retryAfter = response.headers['retry-after'];
  return { status: response.statusCode ?? 502, warnings, contentType, body, retryAfter };
}
