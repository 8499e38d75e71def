import { deserialize } from '@mysten/move-bytecode-template';
import { VmError } from './types.ts';

/** A type as bytecode writes it; numbers index the module's tables. */
export type SignatureToken =
  | 'Bool'
  | 'U8'
  | 'U16'
  | 'U32'
  | 'U64'
  | 'U128'
  | 'U256'
  | 'Address'
  | 'Signer'
  | { Vector: SignatureToken }
  | { Datatype: number }
  | { DatatypeInstantiation: [number, SignatureToken[]] }
  | { Reference: SignatureToken }
  | { MutableReference: SignatureToken }
  | { TypeParameter: number };

/** `'Add'` or `{ LdU8: 7 }`. */
export type Instruction = string | Record<string, unknown>;

export interface FieldDefinition {
  name: number;
  signature: SignatureToken;
}

export interface FunctionDefinition {
  /** Index of its handle. */
  function: number;
  visibility: 'Private' | 'Friend' | 'Public';
  is_entry: boolean;
  /** Absent for a native function. */
  code?: {
    locals: number;
    code: Instruction[];
    jump_tables: { head_enum: number; jump_table: { Full: number[] } }[];
  };
}

/** The tables of a module, in the names of the Move binary format. */
export interface Bytecode {
  version: number;
  self_module_handle_idx: number;
  module_handles: { address: number; name: number }[];
  datatype_handles: {
    module: number;
    name: number;
    abilities: number;
    type_parameters: { constraints: number; is_phantom: boolean }[];
  }[];
  function_handles: {
    module: number;
    name: number;
    parameters: number;
    return_: number;
    type_parameters: number[];
  }[];
  field_handles: { owner: number; field: number }[];
  friend_decls: { address: number; name: number }[];
  struct_def_instantiations: { def: number; type_parameters: number }[];
  function_instantiations: { handle: number; type_parameters: number }[];
  field_instantiations: { handle: number; type_parameters: number }[];
  signatures: SignatureToken[][];
  identifiers: string[];
  /** 64 hexadecimal digits each. */
  address_identifiers: string[];
  constant_pool: { type_: SignatureToken; data: number[] }[];
  struct_defs: { struct_handle: number; field_information: 'Native' | { Declared: FieldDefinition[] } }[];
  function_defs: FunctionDefinition[];
  enum_defs: { enum_handle: number; variants: { variant_name: number; fields: FieldDefinition[] }[] }[];
  enum_def_instantiations: { def: number; type_parameters: number }[];
  variant_handles: { enum_def: number; variant: number }[];
  /** `enum_def` indexes `enum_def_instantiations`. */
  variant_instantiation_handles: { enum_def: number; variant: number }[];
}

/**
 * Reads a module with Move's own deserialiser, which also checks that every index is in bounds.
 *
 * @throws {VmError} `PublishError` if the bytes are no module
 */
export function parseBytecode(bytes: Uint8Array): Bytecode {
  try {
    return deserialize(bytes) as Bytecode;
  } catch (cause) {
    const reason = (cause as { message?: string }).message ?? String(cause);
    throw new VmError('PublishError', `Cannot read module: ${reason}`, { cause });
  }
}

/** @returns the definition of a module's function, undefined if it has none of that name */
export function functionNamed(module: Bytecode, name: string): FunctionDefinition | undefined {
  const { function_defs, function_handles, identifiers } = module;
  return function_defs.find(
    (definition) => identifiers[function_handles[definition.function]!.name] === name,
  );
}
