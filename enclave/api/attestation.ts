import { type Binding, encodeBinding, userData } from '@daasvader/attestation/binding.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { z } from 'zod';
import type { Nsm } from '../nsm/nsm.ts';
import { Queue } from './queue.ts';
import type { Routes } from './server.ts';

const query = z.object({
  nonce: z.string().regex(/^([0-9a-f]{2}){16,64}$/, 'must be 16 to 64 bytes in lower-case hex'),
});

/** The module signs one document at a time, in some 20 ms: who is last of 64 waits little more than a second. */
const QUEUE = { waiting: 64, ms: 5_000 };

/** `GET /api/v1/attestation?nonce=…`: a fresh document, and the binding that its `user_data` commits to. */
export function attestationRoutes(nsm: Pick<Nsm, 'attest'>, binding: Binding): Routes {
  const queue = new Queue(QUEUE);
  return (router) => {
    router.get(ROUTE.attestation, async (ctx) => {
      // Public, and asked for without credentials: a saved verifier's page, whose origin is none, may read it.
      ctx.set('access-control-allow-origin', '*');
      const { nonce } = query.parse(ctx.query);
      const request = { nonce: Buffer.from(nonce, 'hex'), userData: await userData(binding) };
      const document = await queue.run(() => nsm.attest(request));
      ctx.body = {
        document: Buffer.from(document).toString('base64'),
        binding: Buffer.from(encodeBinding(binding)).toString('base64'),
      };
    });
  };
}
