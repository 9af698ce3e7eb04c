import type { FuzzTarget } from './target.ts';
import { packages, tar } from './targets/archive.ts';
import { bitswap } from './targets/bitswap.ts';
import { car } from './targets/car.ts';
import { clusters, replica } from './targets/consensus.ts';
import { dag } from './targets/dag.ts';
import { hostCalls } from './targets/host-calls.ts';
import { httpOptions } from './targets/http-options.ts';
import { keptStream } from './targets/kept-stream.ts';
import { linkedSets } from './targets/linked-sets.ts';
import { manifest } from './targets/manifest.ts';
import { messages, pbft } from './targets/messages.ts';
import { permissions } from './targets/permissions.ts';
import { request } from './targets/request.ts';
import { keptResults, resultNumbers } from './targets/results.ts';
import { rewriter } from './targets/rewriter.ts';
import { settings } from './targets/settings.ts';
import { attributeFiles, signedAnswers } from './targets/signed-files.ts';
import { web } from './targets/web.ts';

/** Everything that takes bytes from strangers. */
export const TARGETS: readonly FuzzTarget[] = [
  ...[
    rewriter,
    linkedSets,
    manifest,
    tar,
    packages,
    car,
    dag,
    bitswap,
    keptStream,
    messages,
    pbft,
    replica,
    clusters,
    signedAnswers,
    keptResults,
    resultNumbers,
    attributeFiles,
    request,
    permissions,
    settings,
    httpOptions,
    web,
    hostCalls,
  ],
];
