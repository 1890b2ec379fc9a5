import { fillTemplate } from './fill-template.ts';
import { parseTemplate } from './parse-template.ts';

interface Printing {
  printJson(value: unknown, indent: number): void;
  printAsIs(text: string): void;
}

/**
 * Returns how an `inspect` prints what it found: as a list of JSON; for docker's `--format json` on one line; or each
 * by a template. @throws USAGE
 */
export function inspectedPrinter(format: string | undefined): (found: readonly object[], printing: Printing) => void {
  if (format === undefined || format === 'json') {
    const indent = format === undefined ? 4 : 0;
    return (found, { printJson }) => {
      if (found.length > 0) printJson(found, indent);
    };
  }
  const template = parseTemplate(format);
  return (found, { printAsIs }) => {
    for (const each of found) printAsIs(fillTemplate(template, each));
  };
}
