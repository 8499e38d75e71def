import { isIP } from 'node:net';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { z } from 'zod';
import type { Join } from '../kube/join.ts';
import { readJson } from './body.ts';
import { HttpProblem } from './problem.ts';
import type { Routes } from './server.ts';

const quantity = z.string().max(32);
const nodeId = z.string().min(1).max(63);
const body = z.strictObject({
  node_id: nodeId,
  seal_token: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  /** Signed with the worker's identity key; nothing is made of what it says about the machine. */
  ip_address: z.string().refine((text) => isIP(text) > 0, 'must be an IP address'),
  nonce: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  counter: z.string().regex(/^\d{1,19}$/, 'must be a whole number as text'),
  signature: z.string().regex(/^[0-9a-f]{128}$/, 'must be 128 lower-case hex digits'),
  capacity: z.strictObject({ cpu: quantity, memory: quantity, storage: quantity }).optional(),
});

/**
 * `POST /api/v1/register-worker`: a sealed bootstrap credential for a registered worker that signed its request.
 * `GET /api/v1/join-counter?node_id=`: the counter that its last join was signed under.
 * `GET /api/v1/double-identity`: what proves that workers signed two joins under one counter.
 *
 * @param assertFresh throws while the chain's word is too old to let anyone in
 */
export function joinRoutes(join: Join, assertFresh: () => void): Routes {
  return (router) => {
    router.get(ROUTE.joinCounter, (ctx) => {
      assertFresh();
      ctx.body = { counter: join.lastCounter(nodeId.parse(ctx.query['node_id'])).toString() };
    });
    router.get(ROUTE.doubleIdentity, (ctx) => {
      ctx.body = { proofs: join.doubleIdentities };
    });
    router.post(ROUTE.registerWorker, async (ctx) => {
      const request = body.parse(await readJson(ctx));
      if (ctx.get('authorization') !== `Bearer ${request.seal_token}`) {
        throw new HttpProblem(401, 'join', 'The bearer token must be the seal token of the body');
      }
      assertFresh();
      const { sealedKubeconfig, caPem, apiServer } = await join.admit({
        nodeId: request.node_id,
        sealToken: request.seal_token,
        ipAddress: request.ip_address,
        nonce: Buffer.from(request.nonce, 'hex'),
        counter: BigInt(request.counter),
        signature: Buffer.from(request.signature, 'hex'),
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
