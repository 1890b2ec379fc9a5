import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface LogoutCommandOptions extends CommonOptions {
  readonly all?: boolean;
  readonly authfile?: string;
}

/** Adds `tsimg logout`. */
export function addLogout(program: Command): void {
  const logout = program
    .command('logout')
    .description('Log out of a registry: remove the credentials that login kept.')
    .argument('[registry]', 'HOST[:PORT], or HOST[:PORT]/NAMESPACE (default: docker.io)')
    .option('-a, --all', 'remove the credentials of all registries')
    .optionsGroup('Registry:')
    .option('--authfile <file>', 'the file of credentials (also $REGISTRY_AUTH_FILE; default: login’s)');
  withCommon(logout).action(async (registry: string | undefined, _: unknown, invoked: Command) => {
    const options: LogoutCommandOptions = invoked.optsWithGlobals();
    if (options.all && registry !== undefined) {
      throw new TsimgError('USAGE', '--all takes no registry', { where: registry });
    }
    await inSession(options, async ({ context, print, printJson, note }) => {
      const { logout: logOut, logoutAll } = await import('../../../verbs/registry/logout.ts');
      const settings = { ...context, authFile: options.authfile };
      const report = options.all ? await logoutAll(settings) : await logOut(registry ?? '', settings);
      const name = report.registry ?? 'all registries';
      for (const file of report.alsoIn) note(`tsimg: ${file} still has credentials for ${name}, which pull will use`);
      if (options.json) return printJson(report);
      if (options.quiet) return;
      const from = report.removedFrom.join(' and from ');
      print(from === '' ? 'No credentials are kept' : `Logged out of ${name}: credentials are removed from ${from}`);
    });
  });
}
