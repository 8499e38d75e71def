/** The chain said no: a transaction aborted, was not accepted, or would abort by the word of the host that is to pay. */
export class ChainRefusal extends Error {
  /** Number of the command that failed, from 0, when it is told. */
  readonly command: number | undefined;
  /** Of the transaction; undefined when it was not executed. */
  readonly digest: string | undefined;

  constructor(message: string, command?: number, digest?: string) {
    super(message);
    this.name = 'ChainRefusal';
    this.command = command;
    this.digest = digest;
  }
}
