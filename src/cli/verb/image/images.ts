import type { Command } from 'commander';
import { formatPlatform } from '../../../oci/platform.ts';
import { parseReference } from '../../../oci/reference.ts';
import type { ListedImage } from '../../../verbs/image/images.ts';
import { storePlace } from '../../../verbs/places.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeText } from '../../show/escape.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatAge, formatTable } from '../../show/format-table.ts';

interface ImagesOptions extends CommonOptions {
  readonly digests?: boolean;
}

/** Splits `docker.io/library/alpine:3.9` into `alpine` and `3.9`, as docker shows them. */
function familiarParts(name: string | undefined): readonly [repository: string, tag: string] {
  if (name === undefined) return ['<none>', '<none>'];
  const { registry, repository, tag } = parseReference(name);
  const path = registry === 'docker.io' ? repository.replace(/^library\//, '') : `${registry}/${repository}`;
  return [path, tag ?? '<none>'];
}

function row(image: ListedImage, digests: boolean): readonly string[] {
  const [repository, tag] = familiarParts(image.name);
  const platform = image.platform === undefined ? '' : formatPlatform(image.platform);
  const created = image.problem === undefined ? formatAge(image.created, new Date()) : 'damaged';
  const size = image.size === undefined ? '' : formatSize(image.size);
  const id = image.imageId?.slice(7, 19) ?? '';
  return [repository, tag, ...(digests ? [image.digest] : []), id, platform, created, size].map(escapeText);
}

/** Adds `tsimg images`. */
export function addImages(program: Command): void {
  const command = program
    .command('images')
    .description('List the images of the store.')
    .option('--digests', 'print the digest of each name too');
  withCommon(command).action(async (_: unknown, invoked: Command) => {
    const options: ImagesOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printLines, printJson }) => {
      const { listImages } = await import('../../../verbs/image/images.ts');
      const images = await listImages(storePlace(options), context);
      if (options.json) {
        printJson(images.map(({ problem, ...image }) => ({ ...image, problem: problem?.message })));
      } else if (options.quiet) {
        for (const id of new Set(images.map(({ imageId, manifestDigest }) => imageId ?? manifestDigest))) print(id);
      } else {
        const digests = options.digests ?? false;
        const heading = [
          'REPOSITORY',
          'TAG',
          ...(digests ? ['DIGEST'] : []),
          'IMAGE ID',
          'PLATFORM',
          'CREATED',
          'SIZE',
        ];
        printLines(
          formatTable(
            heading,
            images.map((image) => row(image, digests)),
          ),
        );
      }
    });
  });
}
