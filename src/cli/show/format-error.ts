import { messageOf, TsimgError } from '../../errors.ts';
import { escapeText, formatJson } from './escape.ts';

/** The longest part that is shown, in characters: a server may send a page instead of a sentence. */
const MAX_PART = 1000;

function part(text: string): string {
  return escapeText(text.length > MAX_PART ? `${text.slice(0, MAX_PART)}…` : text);
}

/** Returns the code of a thrown value for `--json`. */
function codeOf(error: unknown): string {
  return error instanceof TsimgError ? error.code : 'UNEXPECTED';
}

/** Formats an error as one line: `tsimg: WHAT (WHERE): WHY; HINT`. */
export function formatErrorLine(error: unknown): string {
  if (!(error instanceof TsimgError)) {
    return `tsimg: unexpected error: ${part(messageOf(error))}; run it again with --debug and report what it prints`;
  }
  const where = error.where === undefined ? '' : ` (${part(error.where)})`;
  const why = error.why === undefined ? '' : `: ${part(error.why)}`;
  const hint = error.hint === undefined ? '' : `; ${part(error.hint)}`;
  return `tsimg: ${part(error.what)}${where}${why}${hint}`;
}

/** Formats an error for `--json`, on one line. */
export function formatErrorJson(error: unknown, exitStatus: number): string {
  const facts = error instanceof TsimgError ? error.facts : {};
  const hint = error instanceof TsimgError ? error.hint : undefined;
  return formatJson({ error: { code: codeOf(error), exitStatus, message: messageOf(error), hint, facts } });
}

/** Formats an error for `--debug`: its stack, and those of its causes; of an error of several, the message of each. */
export function formatErrorDetails(error: unknown): string {
  const lines: string[] = [];
  for (let cause: unknown = error, depth = 0; cause !== undefined && depth < 8; depth++) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    lines.push(`${depth === 0 ? '' : 'caused by: '}${text.split('\n').map(part).join('\n')}`);
    if (cause instanceof AggregateError) {
      for (const each of cause.errors) lines.push(`- ${part(messageOf(each))}`);
    }
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines.join('\n');
}
