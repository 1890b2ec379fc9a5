import { type Command, Option } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { TsimgError, throwAll } from '../../../errors.ts';
import type { Context } from '../../../events.ts';
import { statePlace } from '../../../verbs/places.ts';
import { doEach } from '../../do-each.ts';
import { limitChoice, withExpansionLimits } from '../../option/image-limits.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { inspectedPrinter } from '../../template/inspected.ts';

interface InspectOptions extends CommonOptions, SourceOptions, ImageLimits {
  readonly type?: 'container' | 'image';
  readonly format?: string;
  readonly size?: boolean;
}

/** Inspects a container; undefined where there is none, unless `--type container` asks for one. */
async function containerNamed(name: string, options: InspectOptions, context: Context): Promise<object | undefined> {
  if (options.type === 'image') return undefined;
  const { inspectContainer } = await import('../../../verbs/look/inspect-container.ts');
  try {
    return await inspectContainer(name, { ...context, stateRoot: statePlace(options), size: options.size });
  } catch (error) {
    const isMissing = error instanceof TsimgError && error.code === 'CONTAINER_NOT_FOUND';
    if (!isMissing || options.type === 'container') throw error;
    return undefined;
  }
}

async function imageOf(source: string, options: InspectOptions, context: Context): Promise<object> {
  const [{ inspectImage }, { sourcePlaces }] = await Promise.all([
    import('../../../verbs/image/inspect.ts'),
    import('../../../verbs/image/open-image.ts'),
  ]);
  const choice = sourceChoice(options);
  const places = sourcePlaces({ ...choice, ...context, root: options.root, limits: limitChoice(options) });
  return inspectImage(source, { ...places, platform: choice.platform }, context);
}

/** Inspects an image, where no container has the name: the error for a missing image tells of both. */
async function imageOrNeither(name: string, options: InspectOptions, context: Context): Promise<object> {
  try {
    return await imageOf(name, options, context);
  } catch (error) {
    if (options.type === 'image' || !(error instanceof TsimgError) || error.code !== 'IMAGE_NOT_FOUND') throw error;
    const { what, where, why, hint, facts } = error;
    throw new TsimgError(error.code, `no container ${name}, and ${what}`, { where, why, hint, facts, cause: error });
  }
}

/** Adds `tsimg inspect`. */
export function addInspect(program: Command): void {
  const inspect = program
    .command('inspect')
    .description('Print all about containers and images, as JSON.')
    .argument('<container|source...>', 'names or IDs of containers, references in the store, or any SOURCE')
    .addOption(
      new Option('--type <type>', 'look for this type only (default: a container, else an image)').choices([
        'container',
        'image',
      ]),
    )
    .option('-s, --size', 'of a container: measure its files too, as SizeRw, and with its image as SizeRootFs')
    .option(
      '-f, --format <template>',
      "print json on one line, or a part, by a template such as '{{.State.Pid}}' or '{{json .Config.Env}}'",
    );
  withCommon(withSource(withExpansionLimits(inspect))).action(async (names: string[], _: unknown, invoked: Command) => {
    const options: InspectOptions = invoked.optsWithGlobals();
    const show = inspectedPrinter(options.format);
    await inSession(options, async (session) => {
      const { context } = session;
      const found: object[] = [];
      const failures = await doEach(names, context.signal, async (name) => {
        found.push((await containerNamed(name, options, context)) ?? (await imageOrNeither(name, options, context)));
      });
      show(found, session);
      throwAll(failures);
    });
  });
}
