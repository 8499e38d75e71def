import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Deployment, parseDeployment, readDeployment, writeDeployment } from './deployment.ts';

const id = (digit: string) => `0x${digit.repeat(64)}`;
const DEPLOYMENT: Deployment = {
  network: 'testnet',
  rpcUrl: 'https://fullnode.testnet.sui.io:443',
  chainId: '69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD',
  packageId: id('1'),
  originalPackageId: id('0'),
  registryId: id('2'),
  workersId: id('3'),
  stakingId: id('4'),
  schedulerId: id('5'),
  imagesId: id('7'),
};

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'deployment-'));
});

afterAll(() => rm(directory, { recursive: true }));

test('a deployment is read back as it was written, and nothing else is left', async () => {
  const file = join(directory, 'deployments', 'testnet.json');
  await writeDeployment(file, DEPLOYMENT);
  await writeDeployment(file, { ...DEPLOYMENT, adminCapId: id('6') });
  expect(await readDeployment(file)).toEqual({ ...DEPLOYMENT, adminCapId: id('6') });
  expect(await readdir(join(directory, 'deployments'))).toEqual(['testnet.json']);
});

test('a missing file says what to do', async () => {
  await expect(readDeployment(join(directory, 'none.json'))).rejects.toMatchObject({
    code: 'deployment',
    message: expect.stringContaining('publish the contracts first'),
  });
});

test.each<[string, object]>([
  ['a short id', { registryId: '0x1' }],
  ['an id in capitals', { registryId: id('A') }],
  ['a missing id', { workersId: undefined }],
  ['a package without its first id', { originalPackageId: undefined }],
  ['a URL of another protocol', { rpcUrl: 'file:///etc/passwd' }],
  ['an unknown key', { workerId: id('1') }],
])('%s is refused', (_, change) => {
  const text = JSON.stringify({ ...DEPLOYMENT, ...change });
  expect(() => parseDeployment(text, 'test')).toThrow(expect.objectContaining({ code: 'deployment' }));
});

test('what is not JSON is refused', () => {
  expect(() => parseDeployment('{', 'test')).toThrow(expect.objectContaining({ code: 'deployment' }));
});
