import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { NO_USAGE } from '../../../runtime/core/execution.ts';
import type { PeerResult } from '../../../runtime/core/node.ts';
import { encodeExecuteReply } from '../../../runtime/http/execute-reply.ts';
import { encodePeerResults } from '../../../runtime/http/peer-result.ts';
import { signAttestation } from '../../../runtime/wire/attestation.ts';
import { parseAttributeFile } from '../../../runtime/wire/attribute-file.ts';
import { checkAnswer } from '../../../runtime/wire/signed-answer.ts';
import { signer } from '../../wire/signer.ts';
import { mutate } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const request = { function_id: 'bafk', method: 'a.wasm' };
const outcome = {
  ...{ cause: 'exited' as const, exitCode: 0, message: '', stderr: new Uint8Array(0), usage: NO_USAGE },
  ...{ stdout: Buffer.from('a\ud83d\ude00'), stdoutTruncated: true, stderrTruncated: false },
};
const results: readonly PeerResult[] = ['1', '2'].map((number) => {
  const worker = signer(`inferbase test key ${number}`);
  return { peerId: worker.peerId, outcome, attestation: signAttestation(worker, { request, outcome }) };
});
const reply = { requestId: 'r', code: '200' as const, results, cluster: [], remarks: [] };
const ANSWERS = [encodeExecuteReply(reply), encodePeerResults('r', results)];
const SIGNED = ['"stdout":"a', '"exit_code":0', '"cause":"exited"', '"truncated":["stdout"]'];

/** Saved answers: refused, or checked; none holds once something that was signed is another. */
export const signedAnswers: FuzzTarget = {
  name: 'signed-answers',
  async open() {
    return {
      try(random) {
        const good = random.pick(ANSWERS);
        require(checkAnswer(Buffer.from(good), request).every(({ flaw }) => flaw === null), 'a good answer is refused');
        const part = random.pick(SIGNED);
        const forged = good.replaceAll(part, `${part.slice(0, -2)}${part.endsWith(']') ? '_"]' : '12'}`);
        const checked = refusable(['ERR_INVALID_REQUEST'], () => checkAnswer(Buffer.from(forged), null));
        require(checked === undefined || checked.every(({ flaw }) => flaw !== null), `forged: ${forged}`);
        const damaged = Buffer.from(mutate(Buffer.from(good), random));
        refusable(['ERR_INVALID_REQUEST'], () => checkAnswer(damaged, request));
      },
    };
  },
};

const file = new URL('../../p2p/golden/attributes.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<'node' | 'plain' | 'attested', string>>;

/** `attributes.bin`: refused, or the values that were signed. */
export const attributeFiles: FuzzTarget = {
  name: 'attribute-files',
  async open() {
    const attested = Buffer.from(golden.attested, 'base64');
    const known = JSON.stringify([...parseAttributeFile(attested, golden.node).values]);
    return {
      async try(random) {
        // zlib gives memory back in a turn of the event loop, which cases that never wait do not reach.
        await setImmediate();
        const source = random.once(3) ? Buffer.from(golden.plain, 'base64') : attested;
        const bytes = random.once(8) ? random.bytes(random.below(3_000)) : mutate(source, random);
        const parsed = refusable(['ERR_INVALID_SETTING'], () => parseAttributeFile(bytes, golden.node));
        if (parsed === undefined || parsed.attestors.length === 0) return;
        require(JSON.stringify([...parsed.values]) === known, 'attested values that nobody signed');
      },
    };
  },
};
