import type { Command } from 'commander';

/** Adds verbs to the program; those that end with a command's status tell it by `setStatus`. */
type AddVerbs = (program: Command, setStatus: (status: number) => void) => void;

/** Verbs of one file, by the names that it adds: a file is loaded only where one of them is called, or all are shown. */
export interface VerbGroup {
  /** What they stand under where all are shown. */
  readonly heading: 'Containers:' | 'Images:' | 'This host:';
  readonly names: readonly string[];
  load(): Promise<AddVerbs>;
}

/** In the order in which help shows them. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  { heading: 'Images:', names: ['pull'], load: async () => (await import('./verb/pull.ts')).addPull },
  { heading: 'Images:', names: ['images'], load: async () => (await import('./verb/images.ts')).addImages },
  { heading: 'Images:', names: ['unpack'], load: async () => (await import('./verb/unpack.ts')).addUnpack },
  { heading: 'Images:', names: ['ls', 'tags'], load: async () => (await import('./verb/look.ts')).addLooks },
  { heading: 'Images:', names: ['history'], load: async () => (await import('./verb/history.ts')).addHistory },
  { heading: 'Images:', names: ['inspect'], load: async () => (await import('./verb/inspect.ts')).addInspect },
  { heading: 'Images:', names: ['save', 'load'], load: async () => (await import('./verb/move-images.ts')).addMoves },
  { heading: 'Images:', names: ['export'], load: async () => (await import('./verb/export.ts')).addExport },
  {
    heading: 'Images:',
    names: ['tag', 'rmi', 'prune'],
    load: async () => (await import('./verb/change-store.ts')).addStoreChanges,
  },
  { heading: 'Containers:', names: ['run'], load: async () => (await import('./verb/run.ts')).addRun },
  { heading: 'Containers:', names: ['exec'], load: async () => (await import('./verb/exec.ts')).addExec },
  {
    heading: 'Containers:',
    names: ['ps', 'logs'],
    load: async () => (await import('./verb/containers.ts')).addContainers,
  },
  { heading: 'Containers:', names: ['stats'], load: async () => (await import('./verb/stats.ts')).addStats },
  {
    heading: 'Containers:',
    names: ['start', 'stop', 'restart', 'kill', 'wait', 'rm'],
    load: async () => (await import('./verb/change-container.ts')).addContainerChanges,
  },
  {
    heading: 'Containers:',
    names: ['diff', 'commit'],
    load: async () => (await import('./verb/container-changes.ts')).addContainerChangesVerbs,
  },
  { heading: 'Containers:', names: ['cp'], load: async () => (await import('./verb/cp.ts')).addCopyFiles },
  { heading: 'This host:', names: ['doctor'], load: async () => (await import('./verb/doctor.ts')).addDoctor },
  { heading: 'This host:', names: ['unshare'], load: async () => (await import('./verb/unshare.ts')).addUnshare },
];

/** The groups that these arguments need: one where they begin with its verb, else all, for help and for what is misspelt. */
export function groupsFor(args: readonly string[]): readonly VerbGroup[] {
  const [first = ''] = args;
  const found = VERB_GROUPS.filter(({ names }) => names.includes(first));
  return found.length === 0 ? VERB_GROUPS : found;
}
