/**
 * Questions that a node's DNS answers a second over UDP, of one pod on loopback, beside a server of the same library that
 * has one answer for all; and what a change of Services costs it. The network has 1,000 Services.
 */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { resolve } from 'node:path';

const ARGUMENTS = [
  'test',
  './agent/',
  '-run',
  '^$',
  '-bench',
  '^Benchmark(DNS|NamesOfNetwork)$',
  '-benchtime',
  '3s',
];
const ROWS = {
  'DNS/BareServer': 'a server with one answer',
  'DNS/Service': 'a Service',
  'DNS/Headless100': 'a headless Service with 100 pods',
  'DNS/OtherOwners': "another owner's Service",
  'DNS/SearchedInVain': 'a name that is none, as searching makes them',
  NamesOfNetwork: 'making the names of a changed network',
};

const { status, stdout, stderr } = spawnSync(resolve(import.meta.dirname, '../k3s/build'), ARGUMENTS, {
  encoding: 'utf8',
});
if (status !== 0) throw new Error(`The bench ended with ${status}: ${stderr}${stdout}`);

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}\n`);
process.stdout.write(`${''.padEnd(46)}      ms  a second\n`);
for (const [bench, name] of Object.entries(ROWS)) {
  const ns = new RegExp(`^Benchmark${bench}\\S*\\s+\\d+\\s+([\\d.]+) ns/op`, 'm').exec(stdout)?.[1];
  if (ns === undefined) throw new Error(`There is no measurement of ${bench}: ${stdout}`);
  const seconds = Number(ns) / 1e9;
  process.stdout.write(
    `${name.padEnd(46)}${(seconds * 1e3).toFixed(3).padStart(8)}${(1 / seconds).toFixed(0).padStart(10)}\n`,
  );
}
