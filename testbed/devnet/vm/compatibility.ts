import { type Bytecode, parseBytecode } from './bytecode.ts';
import { type NormalFunction, type NormalModule, type NormalType, normalize } from './normal-module.ts';

type Modules = ReadonlyMap<string, Uint8Array>;

/** Compares the modules of two versions of a package. @returns why the new one may not follow the old one */
export type Policy = (before: Modules, after: Modules) => string | undefined;

/** Upgrade policies by their number in `sui::package`. */
const POLICIES: Record<number, Policy> = {
  0: eachModule(compatible),
  128: eachModule((before, after) => included(before, after)),
  192: (before, after) =>
    before.size === after.size ? eachModule(equal)(before, after) : 'modules were added or removed',
};

/** @returns undefined for a number that Sui does not know */
export function policyOf(policy: number): Policy | undefined {
  return Object.hasOwn(POLICIES, policy) ? POLICIES[policy] : undefined;
}

function eachModule(check: (before: NormalModule, after: NormalModule) => string | undefined): Policy {
  return (before, after) => {
    for (const [name, code] of before) {
      const next = after.get(name);
      if (!next) return `module ${name} is missing`;
      const reason = check(read(code), read(next));
      if (reason) return `module ${name}: ${reason}`;
    }
    return undefined;
  };
}

function read(code: Uint8Array): NormalModule {
  const bytecode: Bytecode = parseBytecode(code);
  return normalize(bytecode);
}

/** `Compatibility::upgrade_check`: who links to the old version, or has its objects, can go on with the new one. */
function compatible(before: NormalModule, after: NormalModule): string | undefined {
  for (const [name, type] of before.types) {
    if (!sameType(type, after.types.get(name))) return `type ${name} changed`;
  }
  for (const [name, fn] of before.functions) {
    if (fn.visibility === 'Public' && !callable(fn, after.functions.get(name)))
      return `public function ${name} changed`;
  }
  return undefined;
}

/** Layout, abilities and type parameters stay as they are, names included. */
function sameType(before: NormalType, after: NormalType | undefined): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

/** Type parameters may demand less than before; whether it is an entry function is of no matter. */
function callable(before: NormalFunction, after: NormalFunction | undefined): boolean {
  return (
    after?.visibility === 'Public' &&
    after.parameters === before.parameters &&
    after.returns === before.returns &&
    after.constraints.length === before.constraints.length &&
    after.constraints.every((abilities, index) => (abilities & ~before.constraints[index]!) === 0)
  );
}

/** `InclusionCheck::Subset`: all that was there is there unchanged, code included; more may come. */
function included(before: NormalModule, after: NormalModule): string | undefined {
  if (after.version < before.version) return `bytecode version ${after.version} is older`;
  for (const [name, type] of before.types) {
    if (!sameType(type, after.types.get(name))) return `type ${name} changed`;
  }
  for (const [name, fn] of before.functions) {
    if (JSON.stringify(fn) !== JSON.stringify(after.functions.get(name))) return `function ${name} changed`;
  }
  return undefined;
}

/** `InclusionCheck::Equal` */
function equal(before: NormalModule, after: NormalModule): string | undefined {
  if (after.types.size > before.types.size) return 'a type was added';
  if (after.functions.size > before.functions.size) return 'a function was added';
  if (after.friends !== before.friends) return 'friends were added or removed';
  return included(before, after);
}
