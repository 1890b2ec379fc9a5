import { type Measurement, measure, median } from './measure.ts';

/** A command that does the same work as tsimg's. */
export interface Candidate {
  readonly name: string;
  /** Returns the words of the command for one round. */
  readonly command: (round: number) => readonly string[];
}

/**
 * Runs commands in turns, a round after the other, and prints a table. The first is tsimg's, and must not fail; another
 * one that fails is told and left out.
 * @param clean removes what a command made; called after each
 */
export async function compareInTurns(
  title: string,
  candidates: readonly Candidate[],
  rounds: number,
  clean: () => void,
): Promise<void> {
  let present = candidates;
  const results = new Map<string, Measurement[]>(present.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const candidate of present) {
      const { name, command } = candidate;
      try {
        results.get(name)?.push(await measure(command(round)));
      } catch (error) {
        if (candidate === candidates[0]) throw error;
        console.log(`${name} cannot: ${error instanceof Error ? error.message.slice(0, 300) : error}`);
        present = present.filter((other) => other !== candidate);
        results.delete(name);
      } finally {
        clean();
      }
    }
  }
  report(title, results);
}

function report(title: string, results: ReadonlyMap<string, readonly Measurement[]>): void {
  const [first] = results.values();
  const own = median((first ?? []).map(({ seconds }) => seconds));
  console.log(`\n${title}\n`);
  console.log('| command | seconds (median) | times tsimg | processor seconds | peak memory |\n|---|---|---|---|---|');
  for (const [name, measurements] of results) {
    const seconds = median(measurements.map((measurement) => measurement.seconds));
    const processor = median(measurements.map(({ processorSeconds }) => processorSeconds));
    const memory = Math.round(Math.max(...measurements.map(({ peakMemory }) => peakMemory)) / 1e6);
    const ratio = (seconds / own).toFixed(2);
    console.log(`| ${name} | ${seconds.toFixed(2)} | ${ratio} | ${processor.toFixed(2)} | ${memory} MB |`);
  }
}
