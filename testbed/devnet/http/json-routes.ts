import type { ServerResponse } from 'node:http';
import { isValidSuiAddress, normalizeSuiAddress } from '@mysten/sui/utils';
import { z } from 'zod';
import type { Chain } from '../chain/chain.ts';
import { DevnetError } from '../error.ts';
import type { Faucet } from './faucet.ts';

const recipient = z
  .string()
  .transform((text) => normalizeSuiAddress(text))
  .refine((text) => isValidSuiAddress(text));
const FaucetRequest = z.strictObject({ FixedAmountRequest: z.strictObject({ recipient }) });
const TimeRequest = z.strictObject({ advance_ms: z.int().nonnegative() });

type Route = (body: Buffer) => unknown;

/** Routes beside gRPC: the faucet as `@mysten/sui/faucet` calls it, the clock, and health. */
export function jsonRoutes(chain: Chain, faucet: Faucet): Record<string, Route> {
  const gas: Route = async (body) => {
    const { FixedAmountRequest: request } = parse(FaucetRequest, body);
    const { coins, digest } = await faucet.request(request.recipient);
    return {
      status: 'Success',
      coins_sent: coins.map(({ id, amount }) => ({ id, amount: Number(amount), transferTxDigest: digest })),
    };
  };
  return {
    'POST /v2/gas': gas,
    'POST /faucet': gas,
    'POST /time': (body) => {
      chain.advanceTime(parse(TimeRequest, body).advance_ms);
      return { timestamp_ms: chain.timestampMs() };
    },
    'GET /time': () => ({ timestamp_ms: chain.timestampMs() }),
    'POST /epoch': () => {
      chain.endEpoch();
      return { epoch: Number(chain.committee.epoch) };
    },
    'GET /epoch': () => ({ epoch: Number(chain.committee.epoch) }),
    'GET /healthz': () => ({ status: 'ok', chain_id: chain.chainId }),
  };
}

/** Writes a route's result, or its error in the faucet's form. */
export async function answerJson(response: ServerResponse, work: () => Promise<unknown>): Promise<void> {
  const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };
  try {
    const answer = JSON.stringify(await work());
    response.writeHead(200, headers).end(answer);
  } catch (error) {
    if (!(error instanceof DevnetError)) console.error('devnet: defect while answering', error);
    const status = error instanceof DevnetError && error.code !== 'INTERNAL' ? 400 : 500;
    const internal = error instanceof Error ? error.message : 'internal error';
    response.writeHead(status, headers).end(JSON.stringify({ status: { Failure: { internal } } }));
  }
}

function parse<T>(schema: z.ZodType<T>, body: Buffer): T {
  try {
    return schema.parse(JSON.parse(body.toString()));
  } catch (cause) {
    throw new DevnetError('INVALID_ARGUMENT', `Cannot read request: ${(cause as Error).message}`, { cause });
  }
}
