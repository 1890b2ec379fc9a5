import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Questions to the user at the terminal. */
export interface Prompt extends Disposable {
  /**
   * Asks on stderr, and returns the answer; undefined at the end of the input and at Ctrl-C.
   * @param hidden the answer is not shown while it is typed
   */
  ask(question: string, hidden?: boolean): Promise<string | undefined>;
}

/** Whether there is somebody to ask. */
export function haveTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Opens the terminal for questions. Lines that are typed before the question count. */
export function openPrompt(signal: AbortSignal): Prompt {
  let hidden = false;
  const output = new Writable({
    write(chunk, encoding, done) {
      if (!hidden) process.stderr.write(chunk, encoding);
      done();
    },
  });
  // No history: a password is not brought back by a key.
  const terminal = createInterface({ input: process.stdin, output, terminal: true, historySize: 0, signal });
  const lines = terminal[Symbol.asyncIterator]();
  return {
    ask: async (question, isHidden = false) => {
      terminal.setPrompt(question);
      terminal.prompt();
      hidden = isHidden;
      let isLineOpen = true;
      try {
        const { value, done } = await lines.next();
        isLineOpen = isHidden || done === true;
        return done === true ? undefined : value;
      } finally {
        if (isLineOpen) process.stderr.write('\n');
        hidden = false;
      }
    },
    [Symbol.dispose]: () => terminal.close(),
  };
}
