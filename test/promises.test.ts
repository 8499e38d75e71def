import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ownerlessPromises } from './support/ownerless-promises.ts';

const ROOT = join(import.meta.dirname, '..');
/** What runs on somebody's machine; tests hear of a rejection from their runner. */
const isProduction = (file: string) =>
  /^(bench|cli|eif|enclave|host-proxy|lib|scripts|worker-agent)\//.test(file) &&
  !/\/testing\/|\.test\.ts$|node_modules/.test(file);

const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);

/** Finds in a file of these lines, of which each is told by its number. */
function findIn(...lines: string[]): number[] {
  const path = join(ROOT, 'test/planted.ts');
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (file) => (file === path ? `${PRELUDE}\n${lines.join('\n')}` : readFile(file));
  host.fileExists = (file) => file === path || fileExists(file);
  const program = ts.createProgram([path], options, host);
  const found = ownerlessPromises(program, ROOT, (file) => file === 'test/planted.ts');
  return found.map((place) => Number(place.split(':')[1]) - PRELUDE.split('\n').length);
}

const PRELUDE = `import { setTimeout as pause } from 'node:timers/promises';
declare function work(): Promise<void>;
declare function on(listener: () => void): void;
declare function each(listener: () => void | Promise<void>): void;
declare const kept: { promise: Promise<void>; maybe: Promise<void> | undefined };
const ignore = () => undefined;
const asyncWork = async () => await work();
async function owning() {
  for (;;) {
    try { return await work(); } catch { await work().catch(ignore); }
  }
}
async function throwing() { try { await work(); } catch (error) { throw error; } }
async function partly() { await work(); try { await work(); } catch {} }
async function toAndFro(n: number) { try { await work(); } catch {} if (n > 0) await froAndTo(n - 1); }
async function froAndTo(n: number) { if (n > 0) await toAndFro(n - 1); }
async function hither(n: number) { if (n > 0) await thither(n - 1); }
async function thither(n: number) { await work(); await hither(n - 1); }
async function pausing() { await pause(1, undefined, { ref: false }); }
async function stoppable(signal: AbortSignal) { await pause(1, undefined, { signal }); }
async function finallyOnly() { try { await work(); } finally { ignore(); } }`;

test('a promise with no owner is found: floating, behind void, or of a function that nobody waits for', () => {
  const ownerless = [
    'work();',
    'void work();',
    'work().then(ignore);',
    'void work().finally(ignore);',
    'kept.maybe;',
    'true && work();',
    'setInterval(async () => work(), 1);',
    'setTimeout(asyncWork, 1);',
    'setTimeout(() => work(), 1);',
    'on(asyncWork);',
    'on(() => void work());',
    'await new Promise<void>(async () => { await work(); });',
    'const options: { listener: () => void } = { listener: asyncWork }; void options;',
    'const listener: () => void = asyncWork; void listener;',
    'function make(): () => void { return asyncWork; } void make;',
    "process.on('SIGTERM', asyncWork);",
    "document.addEventListener('click', asyncWork);",
    'void throwing();',
    'void partly();',
    'void finallyOnly();',
    'void hither(1);',
    'void stoppable(new AbortController().signal);',
  ];
  expect(findIn(...ownerless)).toEqual(ownerless.map((_, index) => index + 1));
});

test('a promise with an owner is left alone: awaited, returned, kept, or with a handler of its rejection', () => {
  const owned = [
    'await work();',
    'work().catch(ignore);',
    'work().then(ignore, ignore);',
    'void work().catch(ignore).finally(ignore);',
    'kept.promise = work();',
    'kept.maybe ??= work();',
    'const later = work(); void ignore;',
    'export const get = () => work();',
    'each(asyncWork);',
    'await work().finally(() => work());',
    'setTimeout(() => { work().catch(ignore); }, 1);',
    'await Promise.all([work(), later]);',
    'void owning();',
    'setTimeout(async () => { try { await work(); } catch {} }, 1);',
    'owning();',
    'void froAndTo(1);',
    'void pausing();',
  ];
  expect(findIn(...owned)).toEqual([]);
});

test('every promise in what runs has an owner for its rejection, every timer and listener too', () => {
  const program = ts.createProgram(fileNames, options);
  expect(ownerlessPromises(program, ROOT, isProduction)).toEqual([]);
});
