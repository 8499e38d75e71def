import { ROUTE } from '@daasvader/verifier/routes.ts';
import { verifierPage } from '@daasvader/verify-page/page.ts';
import type { Routes } from './server.ts';

/** What only a header can say; the rest of the policy is in the page, so that it holds for a saved file too. */
const HEADERS = {
  'content-security-policy': "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

let cached: string | undefined;

/** `GET /verify`: a page on which a person sees each check on this enclave, made by their own browser. */
export const pageRoutes: Routes = (router) => {
  router.get(ROUTE.verifyPage, (ctx) => {
    cached ??= verifierPage();
    ctx.set(HEADERS);
    ctx.type = 'html';
    ctx.body = cached;
  });
};
