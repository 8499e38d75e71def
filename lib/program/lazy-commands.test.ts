import { Command } from 'commander';
import { beforeEach, expect, test } from 'vitest';
import { addCommands, type LazyCommand } from './lazy-commands.ts';

let told: string[];

const COMMANDS: LazyCommand[] = [
  {
    name: 'greet',
    description: 'says hello',
    load: async () => (command) => {
      command.argument('<name>').action((name) => {
        told.push(`hello ${name}`);
      });
    },
  },
  { name: 'broken', description: 'cannot be loaded', load: () => Promise.reject(new Error('loaded')) },
];

async function run(...args: string[]): Promise<string> {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const program = new Command('tool').exitOverride().configureOutput({ writeOut: write, writeErr: write });
  await addCommands(program, COMMANDS, args);
  await program.parseAsync(args, { from: 'user' }).catch((error) => told.push(error.code));
  return output;
}

beforeEach(() => {
  told = [];
});

test('a command runs though another one cannot be loaded', async () => {
  await run('greet', 'you');
  expect(told).toEqual(['hello you']);
  await expect(run('broken')).rejects.toThrow('loaded');
});

test('the help of the program tells of all, and loads none', async () => {
  const help = await run('--help');
  for (const { name, description } of COMMANDS) expect(help).toMatch(new RegExp(`${name} +${description}`));
});

test.each([
  ['greet', '--help'],
  ['help', 'greet'],
])('the help of a command tells what it takes: %s %s', async (...args) => {
  expect(await run(...args)).toContain('greet [options] <name>');
});

test('wrong usage of a command is as catchable as that of the program', async () => {
  await run('greet');
  await run('nope');
  expect(told).toEqual(['commander.missingArgument', 'commander.unknownCommand']);
});
