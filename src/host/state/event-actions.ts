/** The actions of events, in docker's words, by the type of the object. tsimg writes no others. */
export const EVENT_ACTIONS = {
  container: [
    'create',
    'start',
    'restart',
    'die',
    'oom',
    'kill',
    'stop',
    'pause',
    'unpause',
    'rename',
    'destroy',
    'exec_create',
    'exec_start',
    'exec_die',
    'health_status',
  ],
  image: ['pull', 'tag', 'untag', 'delete'],
  volume: ['create', 'destroy'],
  network: ['create', 'connect', 'disconnect', 'destroy'],
} as const;

/** The types of objects that have events. */
export type EventType = keyof typeof EVENT_ACTIONS;

/** An event of a type. The words of a command, or a health, follow some words of containers: `exec_start: sleep 5`. */
export type EventAction<Type extends EventType> =
  | Exclude<(typeof EVENT_ACTIONS)[Type][number], Detailed>
  | (Type extends 'container' ? `${Detailed}: ${string}` : never);

/** The actions that details follow: `exec_start: sleep 5`. */
type Detailed = 'exec_create' | 'exec_start' | 'health_status';

/** What may follow a word of an event. */
const DETAILS: Readonly<Record<Detailed, RegExp>> = {
  exec_create: /^/,
  exec_start: /^/,
  health_status: /^(starting|healthy|unhealthy)$/,
};

function isDetailed(word: string): word is Detailed {
  return Object.hasOwn(DETAILS, word);
}

const WORDS: ReadonlySet<string> = new Set(Object.values(EVENT_ACTIONS).flat());

/** Whether tsimg tells such an event: `die`, `exec_start`, or with what follows it, `exec_start: sleep 5`. */
export function isEventAction(text: string): boolean {
  if (WORDS.has(text)) return true;
  const [word = '', ...rest] = text.split(': ');
  return rest.length > 0 && isDetailed(word) && DETAILS[word].test(rest.join(': '));
}
