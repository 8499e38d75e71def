import { isIP } from 'node:net';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { z } from 'zod';
import type { Join } from '../kube/join.ts';
import { readJson } from './body.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const quantity = z.string().max(32);
const body = z.strictObject({
  node_id: z.string().min(1).max(63),
  seal_token: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  // Anyone can send this request in a worker's name, so nothing is made of what it says about the machine.
  ip_address: z.string().refine((text) => isIP(text) > 0, 'must be an IP address'),
  capacity: z.strictObject({ cpu: quantity, memory: quantity, storage: quantity }).optional(),
});

/**
 * `POST /api/v1/register-worker`: a sealed bootstrap credential for a registered worker.
 *
 * @param assertFresh throws while the chain's word is too old to let anyone in
 */
export function joinRoutes(join: Join, assertFresh: () => void): Routes {
  return (router) => {
    router.post(ROUTE.registerWorker, async (ctx) => {
      const request = body.parse(await readJson(ctx));
      if (ctx.get('authorization') !== `Bearer ${request.seal_token}`) {
        throw new HttpProblem(401, 'join', 'The bearer token must be the seal token of the body');
      }
      assertFresh();
      const { sealedKubeconfig, caPem, apiServer } = await join.admit({
        nodeId: request.node_id,
        sealToken: request.seal_token,
      });
      ctx.body = {
        success: true,
        kubeconfig: Buffer.from(sealedKubeconfig).toString('base64'),
        ca_cert: Buffer.from(caPem).toString('base64'),
        api_server: apiServer,
      };
    });
  };
}
