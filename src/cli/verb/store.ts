import { Argument, type Command } from 'commander';
import { plural } from '../../plural.ts';
import { storePlace } from '../../verbs/places.ts';
import { FINDING_KINDS, type StoreFinding } from '../../verbs/store/finding.ts';
import { type SourceOptions, sourceChoice, withRegistries } from '../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';
import { formatSize } from '../show/format-size.ts';

interface StoreOptions extends CommonOptions, SourceOptions {
  readonly repair?: boolean;
}

/** A finding as one line: its kind, where, what, and what was done. */
function line({ kind, where, images, bytes, problem, healed }: StoreFinding): string {
  const of = images.length === 0 ? '' : ` (${images.join(', ')})`;
  const size = bytes === 0 ? '' : `, ${formatSize(bytes)}`;
  return `${kind}: ${where}${of}: ${problem}${size}${healed === undefined ? '' : `; ${healed}`}`;
}

/** Adds `tsimg store check`. */
export function addStore(program: Command): void {
  const store = program
    .command('store')
    .description('Check the store: read all blobs, and look for what is missing, damaged or left over.')
    .addArgument(new Argument('<action>', 'what to do').choices(['check']))
    .option('--repair', 'fetch damaged blobs again, make a lost list of images again, and remove garbage');
  withCommon(withRegistries(store)).action(async (_action: string, _: unknown, invoked: Command) => {
    const options: StoreOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print, printJson }) => {
      const [{ checkStore, storeDamaged }, { openRegistrySource }, { openConnections }] = await Promise.all([
        import('../../verbs/store/check-store.ts'),
        import('../../sources/registry.ts'),
        import('../../registry/connections.ts'),
      ]);
      using connections = openConnections();
      const { repair = false } = options;
      const openRegistry = (reference: Parameters<typeof openRegistrySource>[0]) =>
        openRegistrySource(reference, { ...choice, ...context, connections });
      const report = await checkStore({ storeRoot: storePlace(options), repair, openRegistry }, context);
      if (options.json) printJson(report);
      else {
        for (const finding of report.findings) {
          if (!options.quiet || FINDING_KINDS[finding.kind] === 'fault') print(line(finding));
        }
        const { images, blobs, bytes, isClean } = report;
        const end = isClean ? 'clean' : 'damaged';
        if (!options.quiet)
          print(`${plural(images, 'image')}, ${plural(blobs, 'blob')}, ${formatSize(bytes)} read: ${end}`);
      }
      if (!report.isClean) throw storeDamaged(report, repair);
    });
  });
}
