/** The chain said no: a transaction aborted, was not accepted, or would abort by the word of the host that is to pay. */
export class ChainRefusal extends Error {
  /** Number of the command that failed, from 0, when it is told. */
  readonly command: number | undefined;

  constructor(message: string, command?: number) {
    super(message);
    this.name = 'ChainRefusal';
    this.command = command;
  }
}
