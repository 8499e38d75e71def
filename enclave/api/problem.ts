import type { Context, Next } from 'koa';
import { ZodError } from 'zod';
import { EnclaveError, type EnclaveErrorCode } from '../error.ts';
import type { Logger } from '../log.ts';

/** An answer that is not the one the caller wanted. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
  }
}

const STATUS: Partial<Record<EnclaveErrorCode, number>> = {
  join: 403,
  credential: 401,
  request: 400,
  stale: 503,
  k3s: 503,
  host: 503,
};

/** Turns whatever a route throws into an RFC 9457 problem document; what is inside the enclave stays there. */
export function problems(log: Logger) {
  return async (ctx: Context, next: Next): Promise<void> => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) throw notFound(ctx);
    } catch (error) {
      const { status, code, message } = asProblem(error);
      if (status >= 500) log.error({ path: ctx.path, error: String(error) }, 'api: request failed');
      ctx.status = status;
      ctx.type = 'application/problem+json';
      ctx.body = JSON.stringify({
        type: 'about:blank',
        title: titleOf(status),
        status,
        detail: message,
        code,
      });
    }
  };
}

function notFound(ctx: Context): HttpProblem {
  if (/^\/apis?\//.test(ctx.path)) {
    return new HttpProblem(
      404,
      'not-found',
      'Kubernetes is served on port 6443; writes go through the chain',
    );
  }
  return new HttpProblem(404, 'not-found', `There is no ${ctx.method} ${ctx.path}`);
}

function asProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof EnclaveError)
    return new HttpProblem(STATUS[error.code] ?? 500, error.code, error.message);
  if (error instanceof ZodError) {
    const issues = error.issues
      .slice(0, 3)
      .map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    return new HttpProblem(400, 'request', issues.join('; '));
  }
  return new HttpProblem(500, 'internal', 'Cannot answer: something failed inside; its log says what');
}

function titleOf(status: number): string {
  if (status >= 500) return 'Unavailable';
  return (
    { 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not found', 429: 'Too many requests' }[status] ??
    'Bad request'
  );
}
