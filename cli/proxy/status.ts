import { ChainError } from '@daasvader/chain/error.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { adviceOf } from '../failure.ts';

/** An answer of Kubernetes, or one like it. */
export interface Answer {
  /** HTTP status. */
  status: number;
  /** What Warning headers say. */
  warnings: readonly string[];
  contentType: string;
  body: Buffer;
  /** When to try again, as Retry-After has it; clients do that by themselves. */
  retryAfter?: string | undefined;
}

/** What a request is answered with that Kubernetes was not asked, or not in vain. */
export class Refusal extends Error {
  readonly status: number;

  /** @param status HTTP status */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** By HTTP status, as Kubernetes names them: apimachinery, pkg/apis/meta/v1/types.go, StatusReason. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** metav1.Status, by which clients of Kubernetes tell people what went wrong. */
export function statusAnswer(status: number, message: string): Answer {
  const isGood = status < 300;
  const body = {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {} },
    ...{ status: isGood ? 'Success' : 'Failure', message, code: status },
    ...(!isGood && { reason: REASONS[status] ?? 'InternalError' }),
  };
  return { status, warnings: [], contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}

/** Tells a client what went wrong, and what to do about it. */
export function answerTo(error: unknown): Answer {
  if (error instanceof Refusal) return statusAnswer(error.status, error.message);
  const advice = adviceOf(error);
  return statusAnswer(
    statusOf(error),
    `daas: ${reasonOf(error)}${advice === undefined ? '' : `; ${advice}`}`,
  );
}

/** No client may take it for something that is tried again by itself: it may have been done. */
function statusOf(error: unknown): number {
  if (error instanceof ChainError) return error.code === 'unreachable' ? 504 : 403;
  return 503;
}
