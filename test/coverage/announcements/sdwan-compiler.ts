/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import { create } from '@bufbuild/protobuf'
import { RunSchema } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import * as intents from '../../../services/sdwan-compiler/src/events/intent-changed.ts'
import * as nodes from '../../../services/sdwan-compiler/src/events/node-moved.ts'
import * as overlays from '../../../services/sdwan-compiler/src/events/overlay-moved.ts'
import * as runs from '../../../services/sdwan-compiler/src/events/run-moved.ts'
import { AT, PEER, ID, ASKED, saying, type News } from './saying.ts'

/** Every way in which sdwan-compiler makes news, once for each word it can say. */
export const SDWAN_COMPILER: News = {
  'sdwan-compiler/events/intent-changed.ts': saying(intents, {
    intentChanged: () =>
      [false, true].map(
        (isForced) =>
        intents.intentChanged({ changeId: ID, by: ASKED, at: AT, changes: ['network_create lab'], planSha256: '', nodesTouched: 1, isForced }), // prettier-ignore
      ),
  }),
  'sdwan-compiler/events/node-moved.ts': saying(nodes, {
    nodeMoved: () =>
      (['node_applied', 'node_rolled_back', 'node_drifted'] as const).map((word) =>
        nodes.nodeMoved(word, { nodeId: ID, version: '', reason: 'why', at: AT }),
      ),
  }),
  'sdwan-compiler/events/overlay-moved.ts': saying(overlays, {
    overlayMoved: () =>
      (['overlay_offered', 'overlay_up', 'overlay_withdrawn', 'overlap_refused'] as const).map((word) =>
        overlays.overlayMoved(word, { peerId: PEER, prefixes: ['fd00::/64'], reason: 'why', at: AT }),
      ),
  }),
  'sdwan-compiler/events/run-moved.ts': saying(runs, {
    runMoved: () =>
      (['running', 'done', 'partial', 'failed', 'rolled_back'] as const).flatMap(
        (state) => runs.runMoved(state, create(RunSchema, { id: ID }), { by: ASKED, at: AT }) ?? [],
      ),
  }),
}
