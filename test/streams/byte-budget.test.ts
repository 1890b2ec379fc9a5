import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { createByteBudget, newSpending } from '../../src/streams/byte-budget.ts';

const test = suite('streams/byte-budget');

const GIB = 1024 ** 3;
const refusedFor = (option: string) => (error: unknown) => error instanceof TsimgError && error.facts.option === option;

test('the first GiB of content is free', () => {
  const budget = createByteBudget();
  budget.taken(1);
  budget.given(GIB, 'x');
  assert.throws(() => budget.given(1, 'x'), refusedFor('--max-ratio'));
});

test('beyond it each byte may become 200', () => {
  const budget = createByteBudget();
  budget.taken(Math.floor(GIB / 100));
  budget.given(2 * GIB - 100, 'x');
  assert.throws(() => budget.given(101, 'x'), refusedFor('--max-ratio'));
});

test('another ratio applies instead, for all content together', () => {
  const budget = createByteBudget({ maxRatio: 3 });
  for (let index = 0; index < 3; index += 1) {
    budget.taken(GIB);
    budget.given(3 * GIB, 'x');
  }
  assert.throws(() => budget.given(1, 'x'), refusedFor('--max-ratio'));
});

test('a size limits from the first byte on', () => {
  const budget = createByteBudget({ maxSize: 10 });
  budget.taken(100);
  budget.given(10, 'x');
  assert.throws(() => budget.given(1, 'x'), refusedFor('--max-size'));
});

test('budgets that share their spending count together', () => {
  const spending = newSpending();
  const [left, right] = [createByteBudget({ maxSize: 10 }, spending), createByteBudget({ maxSize: 10 }, spending)];
  left.given(6, 'x');
  right.given(4, 'y');
  assert.throws(() => left.given(1, 'x'), refusedFor('--max-size'));
});

test.run();
