import { expect, test } from 'vitest';
import { testSession } from './testing/outcomes.ts';
import type { Address, Owner } from './types.ts';
import { FRAMEWORK_ADDRESS } from './well-known.ts';

const TYPE = `${FRAMEWORK_ADDRESS}::probe::Item`;
const OLD: Address = `0x${'0d'.repeat(32)}`;

const object = (id: Address) => ({ type: TYPE, bcs: new Uint8Array(Buffer.from(id.slice(2), 'hex')) });

test('an id that is made and deleted in one transaction leaves no trace', () => {
  const session = testSession();
  session.deleteId(session.newId());
  const { created, deleted } = session.finish();
  expect([created.size, deleted.size]).toEqual([0, 0]);
});

test('the id of an older object is reported as deleted', () => {
  const session = testSession();
  session.deleteId(OLD);
  expect([...session.finish().deleted]).toEqual([OLD]);
});

test('a new object may be given to anyone', () => {
  const owners: Owner[] = [{ kind: 'address', address: OLD }, { kind: 'shared' }, { kind: 'immutable' }];
  const session = testSession();
  for (const owner of owners) session.transfer(object(session.newId()), owner);
  expect(session.finish().writes.map(({ owner }) => owner)).toEqual(owners);
});

test('an older object cannot become shared', () => {
  expect(() => testSession().transfer(object(OLD), { kind: 'shared' })).toThrow(
    expect.objectContaining({ code: 'MoveAbort', abortCode: 0n }),
  );
});

test('a shared object may be shared again', () => {
  const inputOwner = () => ({ kind: 'shared' }) as const;
  const session = testSession({
    objects: { child: () => undefined, receivable: () => undefined, inputOwner },
  });
  session.transfer(object(OLD), { kind: 'shared' });
  expect(session.finish().writes).toMatchObject([{ id: OLD, owner: { kind: 'shared' } }]);
});

test('gas is never used beyond the limit', () => {
  const session = testSession({ gasLimit: 10 });
  session.meter.deduct(10_000);
  expect(() => session.meter.deduct(1)).toThrow(expect.objectContaining({ code: 'InsufficientGas' }));
  expect(session.meter.units).toBe(10);
});

test('an event that weighs more than 256,000 bytes is a fault', () => {
  const session = testSession();
  const emit = (size: number) => session.emit({ type: TYPE, bcs: new Uint8Array() }, size);
  emit(256_000);
  expect(() => emit(256_001)).toThrow(expect.objectContaining({ status: 'MEMORY_LIMIT_EXCEEDED' }));
});

test('events that weigh more than 65,536,000 bytes together are a fault', () => {
  const session = testSession();
  const emit = (size: number) => session.emit({ type: TYPE, bcs: new Uint8Array() }, size);
  for (let count = 0; count < 256; count++) emit(256_000);
  expect(() => emit(1)).toThrow(expect.objectContaining({ status: 'MEMORY_LIMIT_EXCEEDED' }));
});

test('the 1025th event is a fault', () => {
  const session = testSession();
  const emit = () => session.emit({ type: TYPE, bcs: new Uint8Array() }, 0);
  for (let count = 0; count < 1024; count++) emit();
  expect(emit).toThrow(expect.objectContaining({ status: 'MEMORY_LIMIT_EXCEEDED' }));
});
