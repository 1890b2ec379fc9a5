import { type Command, InvalidArgumentError, Option } from 'commander';
import { TsimgError } from '../../errors.ts';
import { CLEARABLE, type Clearable } from '../../oci/commit/edit-run-config.ts';
import type { ImageEdit } from '../../verbs/author/config.ts';
import type { TreeIds } from '../../verbs/author/directory-layer.ts';
import { layerCompression, type NewLayerOptions, withLayerCompression } from './compression.ts';
import { type HealthOptions, healthRequest, withHealth } from './health.ts';
import { collect } from './parsers.ts';
import { withConcurrency } from './patience.ts';

/** The options of `withTarget`, as commander names them. */
export interface TargetOptions {
  readonly tag: readonly string[];
  readonly output?: string;
  readonly force?: boolean;
  readonly author?: string;
  readonly message?: string;
}

/** The options of `withEdits`, as commander names them. */
export interface EditOptions extends HealthOptions {
  readonly env: readonly string[];
  readonly entrypoint?: string;
  readonly cmd?: string;
  readonly workdir?: string;
  readonly user?: string;
  readonly expose: readonly string[];
  readonly volume: readonly string[];
  readonly label: readonly string[];
  readonly stopSignal?: string;
  readonly annotation: readonly string[];
  readonly change: readonly string[];
  readonly clear: readonly Clearable[];
}

/** Adds the options that say where a new image goes. */
export function withTarget(command: Command): Command {
  return withConcurrency(command)
    .option('-t, --tag <reference>', 'a name for the new image in the store (default: none)', collect, [])
    .option(
      '-o, --output <sink>',
      'where it goes, in the place of the store: a reference, oci:PATH[:NAME], oci-archive:FILE[:NAME] or ' +
        'docker-archive:FILE[:NAME]',
    )
    .option('-f, --force', 'replace an archive that exists')
    .option('--author <name>', 'the author of the image')
    .option('-m, --message <text>', 'a comment for the history');
}

/** Refuses `--force` for a sink that is no archive, where it would have no effect. @throws USAGE */
export function checkForce(sink: string | undefined, force: boolean | undefined): void {
  if (!force || (sink !== undefined && /^(oci|docker)-archive:/.test(sink))) return;
  throw new TsimgError('USAGE', '--force replaces an archive', {
    where: sink,
    why: 'the destination is no archive: the image is added to what is there',
    hint: 'leave it out',
  });
}

/** Returns these options for the library. @throws USAGE */
export function targetChoice({ tag: tags, output, force, author, message }: TargetOptions) {
  checkForce(output ?? 'the store', force);
  return { tags, output, force, author, message };
}

function addClearable(text: string, previous: readonly Clearable[]): readonly Clearable[] {
  const found = CLEARABLE.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`It takes ${CLEARABLE.join(', ')}.`);
  return [...previous, found];
}

/** Adds the options that change an image's settings. */
export function withEdits(command: Command): Command {
  const edited = command
    .optionsGroup('Settings of the image:')
    .option('-e, --env <name=value>', 'set a variable; NAME- removes it', collect, [])
    .option('--entrypoint <command>', 'a JSON list, or a line for /bin/sh -c; removes the command, too')
    .option('--cmd <command>', 'a JSON list, or a line for /bin/sh -c; an empty text removes it')
    .option('-w, --workdir <path>', 'the directory to start in')
    .option('-u, --user <user[:group]>', 'the user to run as')
    .option('--expose <port>', 'a port, as 80/tcp or 8000-8010; PORT- removes it', collect, [])
    .option('--volume <path>', 'a directory for data; PATH- removes it', collect, [])
    .option('-l, --label <name=value>', 'set a label; NAME- removes it', collect, [])
    .option('--stop-signal <signal>', 'the signal that ends the command')
    .option('--annotation <name=value>', 'set an annotation of the manifest; NAME- removes it', collect, [])
    .option(
      '-c, --change <instruction>',
      'an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME ' +
        'or WORKDIR',
      collect,
      [],
    )
    .option('--clear <setting>', `empty a setting first: ${CLEARABLE.join(', ')}`, addClearable, []);
  return withHealth(edited, 'Health check of the image:');
}

/** Returns these options for the library. */
export function editChoice(options: EditOptions): ImageEdit {
  const { env, entrypoint, cmd, workdir, user, expose, volume, label, stopSignal, annotation, clear } = options;
  const common = { env, entrypoint, cmd, workdir, user, expose, volume, label, stopSignal };
  return { ...common, annotation, clear, changes: options.change, health: healthRequest(options) };
}

/** The options of `withLayers`, as commander names them. */
export interface LayerOptions extends NewLayerOptions {
  readonly ids?: TreeIds;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

function parseOwner(text: string): { readonly uid: number; readonly gid: number } {
  const [, uid, gid = uid] = /^([0-9]{1,10})(?::([0-9]{1,10}))?$/.exec(text) ?? [];
  const ids = { uid: Number(uid), gid: Number(gid) };
  if (uid === undefined || Math.max(ids.uid, ids.gid) > 0xffff_fffe) {
    throw new InvalidArgumentError('It takes UID:GID, in numbers.');
  }
  return ids;
}

/** Adds the options of verbs that make layers of directories and archives. */
export function withLayers(command: Command): Command {
  return withLayerCompression(command.optionsGroup('Layers:'), 'gzip; a compressed archive as it is')
    .addOption(
      new Option(
        '--ids <ids>',
        'the owners of the files of a directory: root takes those on the disk, single takes those that unpack ' +
          'recorded, and uid 0 without a record (default: root for root, single for others)',
      ).choices(['root', 'single']),
    )
    .option('--owner <uid:gid>', 'the owner of all files of a directory', parseOwner);
}

/** Returns these options for the library. */
export function layerChoice(options: LayerOptions) {
  const { ids, owner } = options;
  return { ids, owner, compression: layerCompression(options) };
}
