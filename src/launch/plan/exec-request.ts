/** What `tsimg exec` was asked for, as its options say it. */
export interface ExecRequest {
  readonly command: readonly string[];
  /** `-i`: standard input is passed on; without it the command reads /dev/null. */
  readonly interactive: boolean;
  /** `-t`: a terminal of its own. */
  readonly terminal: boolean;
  /** `-d`: it goes on in the background, its output is nobody's. */
  readonly detached: boolean;
  /** `-e`, in order; a name alone takes the caller's value. */
  readonly env: readonly string[];
  /** `--env-file`: the text of each file. */
  readonly envFiles: readonly string[];
  /** `-w` */
  readonly workdir?: string | undefined;
  /** `-u user[:group]` */
  readonly user?: string | undefined;
  /** `--privileged`: all capabilities that the caller can give, and no system call filter. */
  readonly privileged?: boolean | undefined;
  /** `--toolbox`: an image whose files the command sees, in the namespaces of the container. */
  readonly toolbox?: string | undefined;
}
