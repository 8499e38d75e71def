/**
 * Sui's protocol version 140 as this chain has it: the newest whose configuration could be read. Unless a line says
 * otherwise, a number is the one of that name in `Mainnet_version_140.snap` of `crates/sui-protocol-config`.
 */
export const PROTOCOL_VERSION = 140n;

/** What a transaction may ask for (`ProgrammableTransaction::validity_check`). Marked ones must stay under the number. */
export const TRANSACTION_LIMITS = {
  /** `max_tx_size_bytes`. */
  bytes: 131_072,
  /** `max_input_objects`: objects, gas coins and packages together. */
  inputs: 2_048,
  /** `max_gas_payment_objects`. */
  gasCoins: 256,
  /** `max_programmable_tx_commands`; under it. */
  commands: 1_024,
  /** `max_arguments`, of one command; under it. */
  arguments: 512,
  /** `max_type_arguments`, counting the types inside types; under it. */
  typeArguments: 16,
  /** `max_type_argument_depth`; under it. */
  typeDepth: 16,
  /** `max_pure_argument_size`; under it. */
  pureBytes: 16_384,
  /** `max_modules_in_publish`; under it. */
  modules: 64,
  /** `max_package_dependencies`; under it. */
  dependencies: 32,
  /** `max_publish_or_upgrade_per_ptb`. */
  publishes: 5,
} as const;

/** What a transaction may do while it runs. */
export const EXECUTION_LIMITS = {
  /** `max_num_new_move_object_ids`, `max_num_deleted_…` and `max_num_transferred_…`: the same for each. */
  objects: 2_048,
  /** `object_runtime_max_num_cached_objects`: child objects looked for, whether they are there or not. */
  cachedObjects: 1_000,
  /** `object_runtime_max_num_store_entries`: child objects used. */
  storeEntries: 1_000,
  /** `max_num_event_emit`. */
  events: 1_024,
  /** `max_event_emit_size`: abstract size of one event and its type. */
  eventSize: 256_000,
  /** `max_event_emit_size_total`. */
  eventSizeTotal: 65_536_000,
  /** `max_move_object_size`, bytes. */
  objectBytes: 256_000,
  /** `max_move_package_size`, bytes. */
  packageBytes: 102_400,
  /** `max_size_written_objects`, bytes. */
  writtenBytes: 5_000_000,
  /** `max_move_vector_len`. */
  vectorLength: 262_144,
  /** `max_move_value_depth`. */
  valueDepth: 128,
  /** `max_value_stack_size`, of one function. */
  stack: 1_024,
} as const;

/** What gas costs; MIST where nothing else is said. */
export const GAS = {
  /** Set by validators each epoch; this is what they have asked on devnets. Nothing cheaper is accepted. */
  referencePrice: 1_000n,
  /** `max_gas_price`, which a price must stay below. */
  maxPrice: 50_000_000_000n,
  /** `max_gas_price_rgp_factor_for_aborted_transactions`: an abort is charged at no more than so often the reference. */
  abortedPriceFactor: 100n,
  /** `max_tx_gas`: the highest budget. */
  maxBudget: 50_000_000_000_000n,
  /** `max_gas_computation_bucket`: the most units that one transaction may use. */
  maxUnits: 5_000_000,
  /** `base_tx_cost_fixed`: units that a budget must cover, and the least that is charged. */
  minUnits: 1_000,
  /** `storage_gas_price` × `obj_data_cost_refundable`, for one byte. */
  storageByte: 76n * 100n,
  /** `storage_rebate_rate`, basis points: the rest of a rebate is kept. */
  rebateBasisPoints: 9_999n,
} as const;

/**
 * Computation in internal units, of which 1,000 are one unit. `tables.rs` in `crates/sui-types/src/gas_model`
 * (`initial_cost_schedule_v5`, for gas models from 8 on; this is 15): from how many instructions, values on the stack and
 * bytes ever put on it which multiple is charged.
 */
export const INTERNAL_UNITS = 1_000;
export const TIERS = {
  instructions: [
    [0, 1],
    [20_000, 2],
    [50_000, 10],
    [100_000, 50],
    [200_000, 100],
    [10_000_000, 1_000],
  ],
  stackHeight: [
    [0, 1],
    [1_000, 2],
    [10_000, 10],
  ],
  stackSize: [
    [0, 1],
    [100_000, 2],
    [500_000, 5],
    [1_000_000, 100],
    [100_000_000, 1_000],
  ],
} as const;
/** After so many calls a native's cost counts as instructions (`V2_NATIVE_FUNCTION_CALL_THRESHOLD`). */
export const NATIVE_CALL_THRESHOLD = 700;

/** Internal units around the commands of a transaction. */
export const TRANSACTION_COSTS = {
  /** `obj_access_cost_read_per_byte`: input objects, and child objects when they are first read. */
  readByte: 15,
  /** `obj_access_cost_read_per_package_kb`, for 1,000 bytes of packages. */
  readPackageKilobyte: 154,
  /** `package_publish_cost_per_byte`, of bytecode. */
  publishByte: 80,
  /** `CONFIG_SETTING_DYNAMIC_FIELD_SIZE_FOR_GAS` × `dynamic_field_borrow_child_object_type_cost_per_byte`, in bytes read. */
  coinOwnerBytes: 1_000 * 10,
  /** `translation_per_command_base_charge`, `…_per_input_…`, `…_pure_input_per_byte_…`, `…_per_type_node_…`. */
  translation: 1,
  /** `translation_per_linkage_entry_charge`. */
  linkageEntry: 10,
} as const;

/** Internal units of natives, by module and function. */
export const NATIVE_COSTS = {
  address: { fromBytes: 52, toU256: 52, fromU256: 52 },
  bcs: { byte: 2, minBytes: 1 },
  dynamicField: {
    hash: { base: 52, type: 2, value: 2, tag: 2 },
    add: { base: 52, type: 10, value: 1, tag: 10 },
    borrow: { base: 52, type: 10, value: 1 },
    remove: { base: 52, type: 2, value: 1 },
    has: 52,
    hasWithType: { base: 52, type: 2, tag: 2 },
    /** `PRE_EXISTING_ABSTRACT_SIZE` and `BORROW_ABSTRACT_SIZE` in `sui-move-natives`: of values in use already. */
    known: 2,
    knownReference: 8,
    /** Bytes read to learn that there is no such object: the length of an address. */
    missingBytes: 32,
  },
  ed25519: { base: 1_802, byte: 2, block: 2, blockBytes: 128 },
  event: { base: 52, value: 2, tag: 5, output: 10 },
  hash: { base: 52, byte: 2, minBytes: 1 },
  blake2b256: { base: 10, byte: 2, block: 2, blockBytes: 128 },
  keccak256: { base: 10, byte: 2, block: 2, blockBytes: 136 },
  /** `get_cert_chain_length` is that of the bundle, which holds four certificates in documents of real hardware. */
  nitroAttestation: { parse: 2_650, byte: 50, verify: 2_481_600, certificate: 2_618_450, certificates: 4 },
  object: { borrowUid: 52, delete: 52, recordNew: 52 },
  string: { base: 52, byte: 2 },
  transfer: { base: 52, receive: { base: 52, type: 2, value: 1 } },
  txContext: { read: 30, freshId: 52 },
  typeName: { base: 52, byte: 2, id: 52 },
  types: { base: 52, type: 2, tag: 2 },
} as const;
