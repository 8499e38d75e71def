import type { Command } from 'commander';
import { controlPlaneCommands } from './control-plane.ts';
import { proposeMeasurementCommand, retireMeasurementCommand } from './images.ts';
import { parameterCommands } from './parameters.ts';
import { proposalsCommand } from './proposals.ts';
import { publishCommand, setCommitteeCommand } from './publish.ts';
import { upgradeCommands } from './upgrade.ts';

/** `daas admin`: what the holder of the admin capability may do, all of it public on chain. */
export function adminCommand(command: Command): void {
  const commands = [
    publishCommand(),
    proposalsCommand(),
    proposeMeasurementCommand(),
    retireMeasurementCommand(),
    ...controlPlaneCommands(),
    setCommitteeCommand(),
    ...parameterCommands(),
    ...upgradeCommands(),
  ];
  for (const each of commands) command.addCommand(each);
}
