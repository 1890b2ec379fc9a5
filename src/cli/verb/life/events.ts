import type { Command } from 'commander';
import type { HostEvent } from '../../../host/state/events-file.ts';
import { statePlace } from '../../../verbs/places.ts';
import { collect } from '../../option/parsers.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { fillTemplate } from '../../template/fill-template.ts';
import { parseTemplate } from '../../template/parse-template.ts';

interface EventsOptions extends CommonOptions {
  readonly since?: string;
  readonly until?: string;
  readonly filter: readonly string[];
  readonly format?: string;
}

/** Returns an event under docker's keys. */
function jsonOf({ time, type, action, id, attributes }: HostEvent) {
  const milliseconds = Date.parse(time);
  return {
    ...(type === 'container' && { status: action, id, from: attributes.image ?? '' }),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(milliseconds / 1000),
    timeNano: milliseconds * 1e6,
  };
}

/** The keys that a template may name: docker's. */
function fieldsOf(event: HostEvent) {
  const { Type, Action, Actor, scope, time, timeNano } = jsonOf(event);
  const { name = '', image = '' } = Actor.Attributes;
  return {
    Type,
    Action,
    Actor,
    ID: Actor.ID,
    Status: Action,
    From: image,
    Scope: scope,
    Time: time,
    TimeNano: timeNano,
    Name: name,
  };
}

function lineOf({ time, type, action, id, attributes }: HostEvent): string {
  const about = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  return `${time} ${type} ${action} ${id}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
}

/** Adds `tsimg events`. */
export function addEvents(program: Command): void {
  const events = program
    .command('events')
    .description('Print what happens to containers, images, volumes and networks, until it is interrupted.')
    .option('--since <time>', 'begin with earlier events: RFC 3339, seconds since 1970, or a time span (90s, 1h30m)')
    .option('--until <time>', 'end at a time, in the same forms')
    .option(
      '-f, --filter <key=value>',
      'only events with this type, event, container, image, volume, network or label',
      collect,
      [],
    )
    .option(
      '--format <how>',
      "print json (a line for each), or a template such as '{{.Action}} {{.Actor.Attributes.name}}'",
    );
  withCommon(events).action(async (_: unknown, invoked: Command) => {
    const options: EventsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printJson, printAsIs }) => {
      const [{ hostEvents }, { parseTime }] = await Promise.all([
        import('../../../verbs/look/host-events.ts'),
        import('../../../verbs/look/parse-time.ts'),
      ]);
      const now = new Date();
      const timeOf = (text: string | undefined) => (text === undefined ? undefined : parseTime(text, now));
      const choice = { since: timeOf(options.since), until: timeOf(options.until), filters: options.filter };
      const isJson = options.json || options.format === 'json';
      const template = isJson || options.format === undefined ? undefined : parseTemplate(options.format);
      for await (const event of hostEvents(choice, { ...context, stateRoot: statePlace(options) })) {
        if (isJson) printJson(jsonOf(event), 0);
        else if (template === undefined) print(lineOf(event));
        else printAsIs(fillTemplate(template, fieldsOf(event)));
      }
    });
  });
}
