import { ABILITY, type Type } from './type.ts';

/** Whether a type has the shape of its module's one-time witness: `MODULE has drop`, with one bool (or, in source, no) field. */
export function isOneTimeWitness(type: Type): boolean {
  const { datatype } = type;
  if (!datatype?.fields || datatype.parameters.length > 0) return false;
  const hasShape = datatype.fields.length === 1 && datatype.fields[0]!.type.kind === 'bool';
  return (
    hasShape && datatype.abilities === ABILITY.drop && datatype.name === datatype.module.name.toUpperCase()
  );
}
