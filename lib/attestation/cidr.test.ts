import { describe, expect, it } from 'vitest';
import { contains, parseCidr, rangesProblem } from './cidr.ts';

const [PODS, SERVICES] = ['10.42.0.0/16', '10.43.0.0/16'];

describe('a network', () => {
  it('is read in its one spelling', () => {
    expect(parseCidr('10.42.0.0/16')).toEqual({ first: 0x0a2a0000, bits: 16 });
    expect(parseCidr('255.255.255.255/32')).toEqual({ first: 0xffffffff, bits: 32 });
    expect(parseCidr('0.0.0.0/0')).toEqual({ first: 0, bits: 0 });
  });

  it.each([
    ...['10.42.0.0', '10.42.0/16', '10.42.0.1/16', '010.42.0.0/16', '10.42.0.0/016', '10.42.0.0/33'],
    ...['256.1.1.0/24', '999.1.1.1/99', ' 10.42.0.0/16', '10.42.0.0/16\n', '0x0a.42.0.0/16', 'fd00::/8', ''],
  ])('is not %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('contains what lies wholly in it', () => {
    const network = (text: string) => parseCidr(text)!;
    expect(contains(network(PODS), network(PODS))).toBe(true);
    expect(contains(network(PODS), network('10.42.255.0/24'))).toBe(true);
    expect(contains(network('10.42.255.0/24'), network(PODS))).toBe(false);
    expect(contains(network(PODS), network('10.43.0.0/24'))).toBe(false);
    expect(contains(network('0.0.0.0/0'), network('255.255.255.255/32'))).toBe(true);
  });
});

describe('the ranges of a cluster', () => {
  it.each([
    [PODS, SERVICES],
    ['10.0.0.0/12', '10.16.0.0/12'],
    ['192.168.0.0/22', '192.168.4.0/24'],
    ['100.64.0.0/16', '172.31.0.0/16'],
  ])('may be %s and %s', (pods, services) => {
    expect(rangesProblem(pods, services)).toBeUndefined();
  });

  it.each([
    [PODS, PODS, 'overlap'],
    ['10.32.0.0/12', SERVICES, 'overlap'],
    ['10.43.128.0/20', SERVICES, 'overlap'],
    ['10.42.0.0/11', SERVICES, 'not a network'],
    ['10.32.0.0/11', SERVICES, 'size from /12 to /22'],
    ['10.42.0.0/23', SERVICES, 'size from /12 to /22'],
    [PODS, '10.43.0.0/25', 'size from /12 to /24'],
    ['8.8.0.0/16', SERVICES, 'not private'],
    ['172.32.0.0/16', SERVICES, 'not private'],
    ['127.0.0.0/16', SERVICES, 'not private'],
    ['169.254.0.0/16', SERVICES, 'not private'],
    [PODS, '224.0.0.0/16', 'not private'],
    [PODS, '0.0.0.0/16', 'not private'],
    ['10.42.0.1/16', SERVICES, 'not a network'],
    ['', SERVICES, 'not a network'],
  ])('are not %s and %s: %s', (pods, services, problem) => {
    expect(rangesProblem(pods, services)).toContain(problem);
  });
});
