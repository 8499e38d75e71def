import type { Command } from 'commander';

/** A command of a program, of which nothing is loaded before it is chosen. */
export interface LazyCommand {
  name: string;
  /** What its line in the program's help says; it stands nowhere else. */
  description: string;
  /** Loads what gives the command its arguments, options and action. */
  load: () => Promise<(command: Command) => void>;
}

/**
 * Adds commands to a program, so that a start costs what the chosen one needs. Those whose names are not among the
 * arguments cannot be chosen by them and stay empty.
 *
 * @param program to which they are added
 * @param commands in the order of its help
 * @param args as they will be parsed
 */
export async function addCommands(
  program: Command,
  commands: readonly LazyCommand[],
  args: readonly string[],
): Promise<void> {
  for (const { name, description, load } of commands) {
    const command = program.command(name).description(description);
    if (args.includes(name)) (await load())(command);
  }
}
