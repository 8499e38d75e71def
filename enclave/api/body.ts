import type { Context } from 'koa';
import { HttpProblem } from './problem.ts';

const MAX_BYTES = 256 * 1024;

/**
 * Reads a JSON body of bounded size.
 *
 * @throws {HttpProblem} 413 or 400
 */
export async function readJson(ctx: Context): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of ctx.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) {
      // What is still coming is not read: the connection ends with the answer.
      ctx.set('connection', 'close');
      throw new HttpProblem(413, 'too-large', `The body is larger than ${MAX_BYTES} bytes`);
    }
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    throw new HttpProblem(400, 'request', 'The body is not JSON');
  }
}
