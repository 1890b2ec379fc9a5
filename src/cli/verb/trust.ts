import { Argument, type Command } from 'commander';
import { type CommonOptions, inSession, withCommon } from '../session.ts';

interface TrustOptions extends CommonOptions {
  readonly mirror?: string;
  readonly tufRoot?: string;
}

/** Adds `tsimg trust update`, which fetches a trusted root into the store. */
export function addTrust(program: Command): void {
  const trust = program
    .command('trust')
    .description('Fetch the newest trusted root of Sigstore into the store, for tsimg verify.')
    .addArgument(new Argument('<action>', 'what to do').choices(['update']))
    .option('--mirror <url>', 'the TUF repository (default: that of Sigstore’s public instance)')
    .option('--tuf-root <file>', 'the root.json to trust first; needed with --mirror');
  withCommon(trust).action(async (_action: string, _: unknown, invoked: Command) => {
    const options: TrustOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ print, printJson }) => {
      const { updateTrust } = await import('../../verbs/signatures/update-trust.ts');
      const { mirror, tufRoot, root } = options;
      const { path, newestLog } = await updateTrust({ mirror, tufRoot, root });
      if (options.json) printJson({ path, newestLog });
      else
        print(
          newestLog === undefined
            ? path
            : `${path}: newest log ${newestLog.url}, since ${newestLog.start.toISOString()}`,
        );
    });
  });
}
