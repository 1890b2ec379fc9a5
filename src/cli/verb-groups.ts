import type { Command } from 'commander';

/** Adds verbs to the program; those that end with a command's status tell it by `setStatus`. */
type AddVerbs = (program: Command, setStatus: (status: number) => void) => void;

/** Verbs of one file, by the names that it adds: a file is loaded only where one of them is called, or all are shown. */
export interface VerbGroup {
  readonly names: readonly string[];
  load(): Promise<AddVerbs>;
}

/** In the order in which help shows them. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  { names: ['pull'], load: async () => (await import('./pull.ts')).addPull },
  { names: ['unpack'], load: async () => (await import('./unpack.ts')).addUnpack },
  { names: ['unshare'], load: async () => (await import('./unshare.ts')).addUnshare },
  { names: ['run'], load: async () => (await import('./run.ts')).addRun },
  { names: ['exec'], load: async () => (await import('./exec.ts')).addExec },
  { names: ['ps', 'logs'], load: async () => (await import('./containers.ts')).addContainers },
  { names: ['stats'], load: async () => (await import('./stats.ts')).addStats },
  {
    names: ['start', 'stop', 'restart', 'kill', 'wait', 'rm'],
    load: async () => (await import('./change-container.ts')).addContainerChanges,
  },
  {
    names: ['diff', 'commit'],
    load: async () => (await import('./container-changes.ts')).addContainerChangesVerbs,
  },
  { names: ['cp'], load: async () => (await import('./copy-files.ts')).addCopyFiles },
  { names: ['images'], load: async () => (await import('./images.ts')).addImages },
  { names: ['inspect'], load: async () => (await import('./inspect.ts')).addInspect },
  { names: ['ls', 'tags'], load: async () => (await import('./look.ts')).addLooks },
  { names: ['history'], load: async () => (await import('./history.ts')).addHistory },
  { names: ['save', 'load'], load: async () => (await import('./move-images.ts')).addMoves },
  { names: ['export'], load: async () => (await import('./export.ts')).addExport },
  { names: ['tag', 'rmi', 'prune'], load: async () => (await import('./change-store.ts')).addStoreChanges },
  { names: ['doctor'], load: async () => (await import('./doctor.ts')).addDoctor },
];

/** The groups that these arguments need: one where they begin with its verb, else all, for help and for what is misspelt. */
export function groupsFor(args: readonly string[]): readonly VerbGroup[] {
  const [first = ''] = args;
  const found = VERB_GROUPS.filter(({ names }) => names.includes(first));
  return found.length === 0 ? VERB_GROUPS : found;
}
