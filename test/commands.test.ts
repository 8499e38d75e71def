import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { program } from '@daasvader/cli/program.ts';
import { compilePackage } from '@daasvader/move/compile.ts';
import { CONTRACTS } from '@daasvader/move/publish.ts';
import { deserialize } from '@mysten/move-bytecode-template';
import type { Command } from 'commander';
import { beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** The command that calls each function, `PROGRAM COMMAND…`. */
const COMMANDS: Readonly<Record<string, string>> = {
  'cluster::create_cluster': 'daas admin publish',
  'enclave_registry::propose_measurement': 'daas admin propose-measurement',
  'enclave_registry::retire_measurement': 'daas admin retire-measurement',
  'enclave_registry::set_config': 'daas admin set-committee',
  'enclave_registry::set_public_config': 'daas admin set-public-config',
  'enclave_registry::set_seal_config': 'daas admin set-seal-config',
  'enclave_registry::set_market': 'daas admin set-market',
  'enclave_registry::appoint_host': 'daas admin appoint-host',
  'enclave_registry::revoke_seat': 'daas admin revoke-seat',
  'enclave_registry::begin_anew': 'daas admin begin-anew',
  'enclave_registry::accept_state': 'daas admin accept-state',
  'enclave_registry::propose_upgrade': 'daas admin propose-upgrade',
  'enclave_registry::withdraw_upgrade': 'daas admin withdraw-upgrade',
  'enclave_registry::authorize_upgrade': 'daas admin upgrade',
  'enclave_registry::commit_upgrade': 'daas admin upgrade',
  'enclave_registry::migrate': 'daas admin migrate',
  'worker_registry::migrate': 'daas admin migrate',
  'staking::migrate': 'daas admin migrate',
  'k8s_scheduler::migrate': 'daas admin migrate',
  'image_registry::migrate': 'daas admin migrate',
  'worker_registry::propose_min_stake': 'daas admin propose-min-stake',
  'staking::propose_role_stakes': 'daas admin propose-role-stakes',
  'k8s_scheduler::propose_fee': 'daas admin propose-fee',
  'enclave_registry::close_ticket': 'daas close ticket',
  'enclave_registry::close_enclave': 'daas close enclave',
  'staking::stake': 'daas stake',
  'staking::restake': 'daas stake',
  'staking::request_withdraw': 'daas unstake',
  'staking::withdraw': 'daas unstake',
  'staking::claim_namespace': 'daas namespace claim',
  'staking::release_namespace': 'daas namespace release',
  'staking::grant_role': 'daas role grant',
  'staking::revoke_role': 'daas role revoke',
  'k8s_scheduler::submit_k8s_request': 'daas deploy',
  'k8s_scheduler::submit_request': 'daas apply',
  'k8s_scheduler::submit_request_by_digest': 'daas order',
  'k8s_scheduler::cancel_request': 'daas cancel',
  'k8s_scheduler::prune_request': 'daas prune',
  'k8s_scheduler::deposit_fees': 'daas fees deposit',
  'k8s_scheduler::withdraw_fees': 'daas fees withdraw',
  'image_registry::publish_image': 'daas image-name publish',
  'image_registry::remove_image': 'daas image-name remove',
  'image_registry::transfer_name': 'daas image-name transfer',
  'image_registry::drop_name': 'daas image-name drop',
  'worker_registry::slash_double_identity': 'daas slash',
  'worker_registry::stake_and_register_worker': 'worker-agent register',
  'worker_registry::refresh_seal_token': 'worker-agent register',
  'worker_registry::set_offer': 'worker-agent offer',
  'worker_registry::drain_worker': 'worker-agent drain',
  'worker_registry::resume_worker': 'worker-agent uncordon',
  'worker_registry::leave': 'worker-agent leave',
  'worker_registry::add_stake': 'worker-agent stake',
  'worker_registry::reinstate': 'worker-agent reinstate',
  'worker_registry::request_withdraw': 'worker-agent withdraw',
  'worker_registry::withdraw': 'worker-agent withdraw',
  'worker_registry::close_worker': 'worker-agent close',
  'k8s_scheduler::collect_fees': 'host-proxy collect-fees',
};

/** Why nobody types the others. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  'the enclave calls it, and no other account passes': [
    'enclave_registry::open_registration',
    'enclave_registry::register_enclave',
    'operator::act',
    'lead::take_lead',
    'lead::give_up_lead',
    'identity::set_identity',
    'anchor::anchor_state',
    'heartbeat::heartbeat',
    'worker_registry::activate_worker',
    'worker_registry::set_worker_status',
    'k8s_scheduler::start_request',
    'k8s_scheduler::complete_request',
    'k8s_scheduler::fail_request',
    'k8s_scheduler::settle_cancelled_request',
    'k8s_scheduler::assign_worker',
  ],
  'the host proxy calls it when its enclave has registered': ['enclave_registry::take_seat'],
  'key servers simulate it': ['seal_policy::seal_approve'],
  'other packages compose with it; a command uses the entry function over it': [
    'worker_registry::register_worker',
    'worker_registry::withdraw_stake',
    'k8s_scheduler::take_fees',
  ],
};

interface Module {
  self_module_handle_idx: number;
  module_handles: { name: number }[];
  function_handles: { name: number; parameters: number; return_: number }[];
  function_defs: { function: number; visibility: string; is_entry: boolean }[];
  identifiers: string[];
  signatures: unknown[][];
}

/** Functions that others can call, and whether each only tells something. */
const functions = new Map<string, { isView: boolean }>();

beforeAll(async () => {
  const { modules } = await compilePackage(CONTRACTS);
  for (const module of modules.map((code) => deserialize(code) as unknown as Module)) {
    const name = module.identifiers[module.module_handles[module.self_module_handle_idx]!.name];
    for (const { function: index, visibility, is_entry } of module.function_defs) {
      const handle = module.function_handles[index]!;
      if (visibility !== 'Public' && !is_entry) continue;
      const parameters = JSON.stringify(module.signatures[handle.parameters]);
      const isView =
        !parameters.includes('MutableReference') && module.signatures[handle.return_]!.length > 0;
      functions.set(`${name}::${module.identifiers[handle.name]}`, { isView });
    }
  }
});

const explained = Object.values(REASONS).flat();

test('every public function has a command or a stated reason', () => {
  const told = new Set([...Object.keys(COMMANDS), ...explained]);
  const silent = [...functions].filter(([name, { isView }]) => !isView && !told.has(name));
  expect(silent.map(([name]) => name)).toEqual([]);
  expect(functions.size).toBeGreaterThan(80);
});

test('no command or reason is for a function that is not there, and none has both', () => {
  const names = [...Object.keys(COMMANDS), ...explained];
  expect(names.filter((name) => !functions.has(name))).toEqual([]);
  expect(explained.filter((name) => name in COMMANDS)).toEqual([]);
});

test('every command that is named is there', async () => {
  const names = new Set([
    ...commandsOf(await program((await program([])).commands.map((command) => command.name()))),
    ...(await namedIn('worker-agent/main.ts', 'worker-agent')),
    ...(await namedIn('host-proxy/main.ts', 'host-proxy')),
  ]);
  expect([...new Set(Object.values(COMMANDS))].filter((name) => !names.has(name))).toEqual([]);
});

test('every function with a command has a binding', async () => {
  const calls = await textOf('lib/chain/calls');
  const missing = Object.keys(COMMANDS).filter((name) => !calls.includes(`${name.split('::')[1]}'`));
  expect(missing).toEqual([]);
});

function commandsOf(command: Command, parents: string[] = []): string[] {
  const path = [...parents, command.name()];
  return [path.join(' '), ...command.commands.flatMap((each) => commandsOf(each, path))];
}

async function namedIn(file: string, name: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:name: '|command\(')([a-z-]+)/g)].map(([, command]) => `${name} ${command}`);
}

async function textOf(folder: string): Promise<string> {
  const files = await readdir(join(ROOT, folder));
  return (await Promise.all(files.map((file) => readFile(join(ROOT, folder, file), 'utf8')))).join('\n');
}
