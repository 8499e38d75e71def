import { ROUTE } from '@daasvader/verifier/routes.ts';
import { z } from 'zod';
import type { Answer, Answers } from '../kube/answers.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

/** Set by the Kubernetes server on what it forwards: whose client certificate it came with. */
export const USER_HEADER = 'x-daasvader-user';

const query = z.object({
  request: z.string().regex(/^\d{1,19}$/, 'must be the number of a request'),
  wait: z
    .string()
    .regex(/^(\d|1\d|2[0-5])$/, 'must be 0 to 25 seconds')
    .default('0'),
});

/**
 * `GET /api/v1/orders/answer?request=ID&wait=SECONDS`: what Kubernetes answered to an order, for its requester and the
 * owner of its namespace. For the Unix socket alone, where the Kubernetes server says who asks.
 */
export function answerRoutes(answers: Pick<Answers, 'of'>): Routes {
  return (router) => {
    router.get(ROUTE.orderAnswer, async (ctx) => {
      const user = ctx.req.headers[USER_HEADER];
      if (typeof user !== 'string' || !user.startsWith('sui:'))
        throw new HttpProblem(401, 'credential', 'Show the client certificate of a user');
      const { request, wait } = query.parse(ctx.query);
      const answer = await answers.of(BigInt(request), user, Number(wait) * 1_000);
      if (answer === undefined)
        throw new HttpProblem(
          404,
          'not-found',
          `There is no answer to an order ${request} of yours (any more)`,
        );
      ctx.body = answer === 'pending' ? { state: answer } : answered(answer);
    });
  };
}

function answered({ status, warnings, contentType, body }: Answer): object {
  return { state: 'answered', status, warnings, contentType, body: Buffer.from(body).toString('base64') };
}
