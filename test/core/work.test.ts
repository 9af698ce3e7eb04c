import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gossipTopic } from '../../runtime/core/work.ts';

for (const [topic, expected] of [
  ['1', 'allora-topic-1-worker'],
  ['12/reputer', 'allora-topic-12-reputer'],
  ['allora-topic-1-worker', 'allora-topic-1-worker'],
  ['', 'blockless/b7s/general'],
  ['reputer', 'allora-topic-reputer-worker'],
  ['my/own', 'my/own'],
] as const) {
  test(`workers of the topic ${JSON.stringify(topic)} listen to ${expected}`, () => {
    assert.equal(gossipTopic(topic), expected);
  });
}
