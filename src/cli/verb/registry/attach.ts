import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { parseArtifactFile } from '../../../oci/artifact.ts';
import { type AttachContainerOptions, attachContainer } from '../../attach-container.ts';
import { withAttach } from '../../attach-options.ts';
import { collect } from '../../option/parsers.ts';
import { parseRemoteReference, type SourceOptions, sourceChoice, withRegistry } from '../../option/source.ts';
import { inSession, withCommon } from '../../session.ts';

interface AttachOptions extends AttachContainerOptions, SourceOptions {
  readonly artifactType?: string;
  readonly mediaType?: string;
  readonly annotation: readonly string[];
  readonly disablePathValidation?: boolean;
}

/** Parses `NAME=value`. @throws USAGE */
function annotationsOf(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
      throw new TsimgError('USAGE', '--annotation takes NAME=VALUE', { where: text });
    }),
  );
}

/** Refuses what can be no container, where files are missing. @throws USAGE */
function refuseReference(text: string): void {
  if (!/[/:]/.test(text)) return;
  throw new TsimgError('USAGE', 'the files to attach are missing', {
    where: text,
    why: 'this is no name of a container, but a reference',
    hint: 'tsimg attach REFERENCE FILE...',
  });
}

/** Adds `tsimg attach`: docker’s, of a container, and oras’s, of files, which prints the digest of the artifact. */
export function addAttach(program: Command, setStatus: (status: number) => void): void {
  const attach = program
    .command('attach')
    .description(
      'Connect with the streams of a running detached container, until it ends. ' +
        'With files: put them beside an image in its registry, as an artifact that refers to it.',
    )
    .argument('<container|reference>', 'a container by name or ID; with files, an image or an index in a registry')
    .argument('[file...]', 'a file, or FILE:TYPE/SUBTYPE with its media type')
    .option('--no-stdin', 'pass no input on');
  withAttach(attach)
    .option('--artifact-type <type>', 'the kind of the artifact (default: application/vnd.unknown.artifact.v1)')
    .option('--media-type <type>', 'the media type of files without one (default: application/octet-stream)')
    .option('--annotation <name=value>', 'an annotation of the artifact', collect, [])
    .option('--platform <os/arch[/variant]>', 'attach them to the image of this platform (default: to the whole index)')
    .option('--disable-path-validation', 'allow names of files that are absolute or begin with ..');
  withCommon(withRegistry(attach)).action(async (reference: string, files: string[], _: unknown, invoked: Command) => {
    const options: AttachOptions = invoked.optsWithGlobals();
    if (files.length === 0) {
      refuseReference(reference);
      return setStatus(await attachContainer(reference, options));
    }
    const choice = sourceChoice(options);
    const annotations = annotationsOf(options.annotation);
    parseRemoteReference(reference);
    await inSession(options, async ({ context, print, printJson }) => {
      const { attachFiles } = await import('../../../verbs/registry/attach.ts');
      const { completeName } = await import('../../../registry/mirrors/short-name.ts');
      const to = parseRemoteReference(await completeName(reference, { ...choice, ...context }));
      const { artifactType, mediaType, disablePathValidation: anywhere } = options;
      // Without --platform, files are attached to the whole index.
      const platform = options.platform === undefined ? undefined : choice.platform;
      const settings = { ...choice, ...context, platform, artifactType, mediaType, annotations, anywhere };
      const report = await attachFiles(to, files.map(parseArtifactFile), settings);
      if (options.json) printJson(report);
      else print(report.digest);
    });
  });
}
