import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { formatPlatform } from '../../../oci/platform.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeText } from '../../show/escape.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatTable } from '../../show/format-table.ts';

interface ManifestOptions extends CommonOptions, SourceOptions {
  readonly digest?: boolean;
  readonly list?: boolean;
}

function row({ platform, digest, size, mediaType }: Descriptor): readonly string[] {
  return [
    platform === undefined ? '' : escapeText(formatPlatform(platform)),
    digest,
    formatSize(size),
    escapeText(mediaType),
  ];
}

/** Adds `tsimg manifest`. */
export function addManifest(program: Command): void {
  const manifest = program
    .command('manifest')
    .description('Print the manifest or index of an image, byte for byte.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE')
    .option('--digest', 'print the digest of the document instead')
    .option('--list', 'print the entries of an index as a table instead, or the manifest’s own line');
  withCommon(withSource(manifest)).action(async (source: string, _: unknown, invoked: Command) => {
    const options: ManifestOptions = invoked.optsWithGlobals();
    if (options.digest && options.list) {
      throw new TsimgError('USAGE', '--digest and --list exclude each other', {
        hint: '--list shows the digests of the entries, --digest that of the whole',
      });
    }
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print, printLines, printJson }) => {
      const { readManifest } = await import('../../../verbs/registry/manifest.ts');
      // Without --platform the whole index is wanted, not the manifest for this machine.
      const { platform: _default, ...rest } = choice;
      const platform = options.platform === undefined ? undefined : choice.platform;
      const settings = { ...rest, ...context, platform, root: options.root, withPlatform: options.list };
      const { descriptor, bytes, entries } = await readManifest(source, settings, context);
      if (options.list && options.json) return printJson(entries ?? [descriptor]);
      if (options.list) {
        return printLines(formatTable(['PLATFORM', 'DIGEST', 'SIZE', 'TYPE'], (entries ?? [descriptor]).map(row)));
      }
      if (options.json) return printJson(descriptor);
      if (options.digest) return print(descriptor.digest);
      // A terminal gets no control characters from outside; a file or a pipe gets the bytes that have the digest.
      if (process.stdout.isTTY) printLines(bytes.toString('utf8'));
      else process.stdout.write(bytes);
    });
  });
}
