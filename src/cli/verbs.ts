import type { Command } from 'commander';
import { findVerb } from './find-verb.ts';

/** Adds a verb to the program. A verb that ends with a command's status reports it by `setStatus`. */
type AddVerb = (program: Command, setStatus: (status: number) => void) => void;

/** A verb. Its file is loaded only when it is called, or when help shows all verbs. */
export interface Verb {
  /** The heading of the verb in help. */
  readonly heading: 'Containers:' | 'Images:' | 'Registries:' | 'This host:';
  readonly name: string;
  load(): Promise<AddVerb>;
}

/** All verbs, in the order of help. */
export const VERBS: readonly Verb[] = [
  { heading: 'Images:', name: 'pull', load: async () => (await import('./verb/image/pull.ts')).addPull },
  { heading: 'Images:', name: 'images', load: async () => (await import('./verb/image/images.ts')).addImages },
  { heading: 'Images:', name: 'unpack', load: async () => (await import('./verb/unpack.ts')).addUnpack },
  { heading: 'Images:', name: 'ls', load: async () => (await import('./verb/image/ls.ts')).addLs },
  { heading: 'Images:', name: 'history', load: async () => (await import('./verb/image/history.ts')).addHistory },
  { heading: 'Images:', name: 'inspect', load: async () => (await import('./verb/image/inspect.ts')).addInspect },
  { heading: 'Images:', name: 'save', load: async () => (await import('./verb/image/save.ts')).addSave },
  { heading: 'Images:', name: 'load', load: async () => (await import('./verb/image/load.ts')).addLoad },
  { heading: 'Images:', name: 'export', load: async () => (await import('./verb/export.ts')).addExport },
  { heading: 'Images:', name: 'verify', load: async () => (await import('./verb/image/verify.ts')).addVerify },
  { heading: 'Images:', name: 'referrers', load: async () => (await import('./verb/image/referrers.ts')).addReferrers },
  { heading: 'Images:', name: 'sbom', load: async () => (await import('./verb/image/sbom.ts')).addSbom },
  { heading: 'Images:', name: 'trust', load: async () => (await import('./verb/trust.ts')).addTrust },
  { heading: 'Images:', name: 'tag', load: async () => (await import('./verb/image/tag.ts')).addTag },
  { heading: 'Images:', name: 'rmi', load: async () => (await import('./verb/image/rmi.ts')).addRmi },
  { heading: 'Images:', name: 'store', load: async () => (await import('./verb/store.ts')).addStore },
  { heading: 'Images:', name: 'prune', load: async () => (await import('./verb/image/prune.ts')).addPrune },
  { heading: 'Images:', name: 'pack', load: async () => (await import('./verb/author/pack.ts')).addPack },
  { heading: 'Images:', name: 'append', load: async () => (await import('./verb/author/append.ts')).addAppend },
  { heading: 'Images:', name: 'config', load: async () => (await import('./verb/author/config.ts')).addConfig },
  { heading: 'Registries:', name: 'push', load: async () => (await import('./verb/registry/push.ts')).addPush },
  { heading: 'Registries:', name: 'copy', load: async () => (await import('./verb/registry/copy.ts')).addCopy },
  {
    heading: 'Registries:',
    name: 'manifest',
    load: async () => (await import('./verb/registry/manifest.ts')).addManifest,
  },
  { heading: 'Registries:', name: 'tags', load: async () => (await import('./verb/registry/tags.ts')).addTags },
  { heading: 'Registries:', name: 'delete', load: async () => (await import('./verb/registry/delete.ts')).addDelete },
  { heading: 'Registries:', name: 'login', load: async () => (await import('./verb/registry/login.ts')).addLogin },
  { heading: 'Registries:', name: 'logout', load: async () => (await import('./verb/registry/logout.ts')).addLogout },
  { heading: 'Containers:', name: 'run', load: async () => (await import('./verb/container/run.ts')).addRun },
  { heading: 'Containers:', name: 'create', load: async () => (await import('./verb/life/create.ts')).addCreate },
  { heading: 'Containers:', name: 'attach', load: async () => (await import('./verb/registry/attach.ts')).addAttach },
  { heading: 'Containers:', name: 'exec', load: async () => (await import('./verb/container/exec.ts')).addExec },
  { heading: 'Containers:', name: 'ps', load: async () => (await import('./verb/container/ps.ts')).addPs },
  { heading: 'Containers:', name: 'port', load: async () => (await import('./verb/container/port.ts')).addPort },
  { heading: 'Containers:', name: 'logs', load: async () => (await import('./verb/container/logs.ts')).addLogs },
  { heading: 'Containers:', name: 'stats', load: async () => (await import('./verb/container/stats.ts')).addStats },
  { heading: 'Containers:', name: 'start', load: async () => (await import('./verb/container/start.ts')).addStart },
  { heading: 'Containers:', name: 'stop', load: async () => (await import('./verb/container/stop.ts')).addStop },
  {
    heading: 'Containers:',
    name: 'restart',
    load: async () => (await import('./verb/container/restart.ts')).addRestart,
  },
  { heading: 'Containers:', name: 'kill', load: async () => (await import('./verb/container/kill.ts')).addKill },
  { heading: 'Containers:', name: 'pause', load: async () => (await import('./verb/life/pause.ts')).addPause },
  { heading: 'Containers:', name: 'unpause', load: async () => (await import('./verb/life/unpause.ts')).addUnpause },
  { heading: 'Containers:', name: 'wait', load: async () => (await import('./verb/container/wait.ts')).addWait },
  { heading: 'Containers:', name: 'rm', load: async () => (await import('./verb/container/rm.ts')).addRm },
  { heading: 'Containers:', name: 'top', load: async () => (await import('./verb/life/top.ts')).addTop },
  { heading: 'Containers:', name: 'rename', load: async () => (await import('./verb/life/rename.ts')).addRename },
  { heading: 'Containers:', name: 'events', load: async () => (await import('./verb/life/events.ts')).addEvents },
  { heading: 'Containers:', name: 'volume', load: async () => (await import('./verb/volume.ts')).addVolume },
  { heading: 'Containers:', name: 'diff', load: async () => (await import('./verb/container/diff.ts')).addDiff },
  { heading: 'Containers:', name: 'commit', load: async () => (await import('./verb/container/commit.ts')).addCommit },
  { heading: 'Containers:', name: 'cp', load: async () => (await import('./verb/container/cp.ts')).addCp },
  { heading: 'Containers:', name: 'network', load: async () => (await import('./verb/network.ts')).addNetwork },
  { heading: 'This host:', name: 'doctor', load: async () => (await import('./verb/doctor.ts')).addDoctor },
  { heading: 'This host:', name: 'unshare', load: async () => (await import('./verb/unshare.ts')).addUnshare },
];

/** Arguments that need no verb; with a verb before them they may be its own. */
const VERSION: ReadonlySet<string> = new Set(['-v', '--version']);

/** Returns the verbs that the arguments need: the one that they name, or all, for help and for a misspelt verb. */
export function verbsFor(args: readonly string[]): readonly Verb[] {
  if (args.length === 1 && VERSION.has(args[0] ?? '')) return [];
  const verb = findVerb(args);
  const found = VERBS.filter(({ name }) => name === verb);
  return found.length === 0 ? VERBS : found;
}
