import type { Assembler, Rule } from '../assembler.ts';
import type { MoveFunction } from '../function.ts';
import { Instantiation } from '../instantiation.ts';
import { abilitiesOf } from '../type.ts';

const NO_TYPES = [] as const;

/** Calls, direct and with type arguments. */
export const CALLS: Record<string, Rule> = {
  Call: (assembler, handle: number) => {
    const fn = callee(assembler, handle, 0);
    assembler.expect(...fn.parameters);
    assembler.push(...fn.returns);
    return (machine) => machine.call(fn, NO_TYPES);
  },
  CallGeneric: (assembler, index: number) => {
    const { types, module } = assembler;
    const { handle, type_parameters } = module.bytecode.function_instantiations[index]!;
    const args = module.signature(type_parameters);
    const fn = callee(assembler, handle, args.length);
    args.forEach((argument, position) => {
      const missing = fn.constraints[position]! & ~abilitiesOf(argument, assembler.fn.constraints);
      if (missing !== 0)
        throw assembler.error(`type argument ${argument.name} of ${fn.name} lacks an ability`);
    });
    assembler.expect(...fn.parameters.map((type) => types.substitute(type, args)));
    assembler.push(...fn.returns.map((type) => types.substitute(type, args)));
    const instantiation = new Instantiation(types, args);
    return (machine) => machine.call(fn, instantiation.of(machine.frame.typeArguments));
  },
};

/** The function behind a handle, which must be visible here; `friend` is how bytecode says `public(package)`. */
function callee(assembler: Assembler, handle: number, typeArguments: number): MoveFunction {
  const { module } = assembler;
  const fn = module.functionOf(handle);
  const isSamePackage = fn.module.id.address === module.id.address;
  const isVisible = fn.visibility === 'public' || (fn.visibility === 'friend' && isSamePackage);
  if (!isVisible && fn.module !== module) throw assembler.error(`${fn.name} is not visible from here`);
  if (fn.constraints.length !== typeArguments)
    throw assembler.error(`${fn.name} is called with ${typeArguments} type arguments`);
  return fn;
}
